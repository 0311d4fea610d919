import { Component, lazy, type ReactNode, Suspense } from 'react';
import { HomePage } from './home/page';
import { useI18n, useT } from './i18n';
import { Link, parseRoute, type Route, usePath } from './router';
import { Loading, Notice } from './ui/notice';

// Each page with its libraries is a chunk of its own; the first page carries neither livekit-client nor hls.js.
const RoomPage = lazy(() => import('./lobby/page'));
const ReplayPage = lazy(() => import('./replay/page'));
const OpsPage = lazy(() => import('./ops/page'));

export function App() {
  const t = useT();
  const route = parseRoute(usePath());
  return (
    <>
      <a className="skip" href="#main">
        {t('nav.skip')}
      </a>
      <Header route={route} />
      <main id="main" tabIndex={-1}>
        <RenderGuard key={JSON.stringify(route)} fallback={<BrokenPage />}>
          <Suspense fallback={<Loading />}>
            <Page route={route} />
          </Suspense>
        </RenderGuard>
      </main>
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'home':
      return <HomePage />;
    case 'class':
    case 'room':
      return <RoomPage id={route.id} />;
    case 'replay':
      return <ReplayPage id={route.id} />;
    case 'ops':
      return <OpsPage />;
    default:
      return <LostPage />;
  }
}

function Header({ route }: { route: Route }) {
  const { t, language, setLanguage } = useI18n();
  const here = (page: Route['page']) => (route.page === page ? ('page' as const) : undefined);
  return (
    <header className="masthead">
      <Link href="/" className="brand" data-testid="nav-home" aria-label={t('app.name')}>
        <span className="seal" aria-hidden="true">
          서당
        </span>
        <span className="brand-text">
          {t('app.name')}
          <small>{t('app.tagline')}</small>
        </span>
      </Link>
      <nav aria-label={t('nav.main')}>
        <Link href="/" aria-current={here('home')}>
          {t('nav.classes')}
        </Link>
        <Link href="/ops" aria-current={here('ops')} data-testid="nav-ops">
          {t('nav.ops')}
        </Link>
      </nav>
      <button
        type="button"
        className="quiet language"
        data-testid="lang-switch"
        lang={language === 'ko' ? 'en' : 'ko'}
        aria-label={t('lang.switch.label')}
        onClick={() => setLanguage(language === 'ko' ? 'en' : 'ko')}
      >
        {t('lang.switch')}
      </button>
    </header>
  );
}

function LostPage() {
  const t = useT();
  return (
    <div className="page narrow">
      <Notice
        title={t('lost.title')}
        text={t('lost.text')}
        action={
          <Link className="button" href="/">
            {t('common.home')}
          </Link>
        }
      />
    </div>
  );
}

function BrokenPage() {
  const t = useT();
  return (
    <div className="page narrow">
      <Notice
        tone="bad"
        title={t('error.render')}
        action={
          <button type="button" onClick={() => location.reload()}>
            {t('error.reload')}
          </button>
        }
      />
    </div>
  );
}

/** A page that fails to load or draw says so instead of leaving the screen empty. */
class RenderGuard extends Component<{ fallback: ReactNode; children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };
  static getDerivedStateFromError() {
    return { broken: true };
  }
  override render() {
    return this.state.broken ? this.props.fallback : this.props.children;
  }
}
