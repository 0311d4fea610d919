import { Component, lazy, type ReactNode, Suspense, useEffect, useRef } from 'react';
import { useAccount } from './account/context';
import { HomePage } from './home/page';
import { useI18n, useT } from './i18n';
import { Link, parseRoute, type Route, usePath } from './router';
import { Masthead } from './shell/masthead';
import { recall } from './storage';
import { Announcer } from './ui/announce';
import { Loading, Notice } from './ui/notice';

// Each page with its libraries is a chunk of its own; the first page carries neither livekit-client nor hls.js.
const AccountPages = lazy(() => import('./account/page'));
const AdminPage = lazy(() => import('./admin/page'));
const BoardPages = lazy(() => import('./board/page'));
const ClassPage = lazy(() => import('./class/page'));
const DemandPage = lazy(() => import('./desk/demand'));
const DeskPages = lazy(() => import('./desk/page'));
const MinePage = lazy(() => import('./mine/page'));
const NotificationsPage = lazy(() => import('./notifications/page'));
const OpsPage = lazy(() => import('./ops/page'));
const ReplayPage = lazy(() => import('./replay/page'));
const RoomPage = lazy(() => import('./lobby/page'));
const SearchPage = lazy(() => import('./catalogue/page'));
const WishesPage = lazy(() => import('./wishes/page'));

export function App() {
  const t = useT();
  const path = usePath();
  const route = parseRoute(path);
  const main = useFocusOnTurn(path);
  useLocaleOfAccount();
  return (
    <>
      <a className="skip" href="#main">
        {t('nav.skip')}
      </a>
      <Masthead route={route} />
      <main id="main" tabIndex={-1} ref={main}>
        <RenderGuard key={path} fallback={<BrokenPage />}>
          <Suspense fallback={<Loading />}>
            <Page route={route} />
          </Suspense>
        </RenderGuard>
      </main>
      <Announcer />
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'home':
      return <HomePage />;
    case 'search':
      return <SearchPage />;
    case 'class':
      return <ClassPage id={route.id} />;
    case 'room':
      return <RoomPage id={route.id} />;
    case 'board':
    case 'thread':
      return <BoardPages route={route} />;
    case 'replay':
      return <ReplayPage id={route.id} />;
    case 'signin':
    case 'signup':
    case 'password':
    case 'me':
      return <AccountPages page={route.page} />;
    case 'mine':
      return <MinePage />;
    case 'notifications':
      return <NotificationsPage />;
    case 'wishes':
      return <WishesPage />;
    case 'demand':
      return <DemandPage />;
    case 'admin':
      return <AdminPage />;
    case 'ops':
      return <OpsPage />;
    case 'lost':
      return <LostPage />;
    default:
      return <DeskPages route={route} />;
  }
}

/** Turning to another page takes the focus to its beginning, as a full load would. */
function useFocusOnTurn(path: string) {
  const main = useRef<HTMLElement>(null);
  const last = useRef(path);
  useEffect(() => {
    if (last.current !== path) main.current?.focus({ preventScroll: true });
    last.current = path;
  }, [path]);
  return main;
}

/** Who has not chosen a language on this device reads in that of the account. */
function useLocaleOfAccount(): void {
  const { account } = useAccount();
  const { language, setLanguage } = useI18n();
  const locale = account?.locale;
  useEffect(() => {
    if (locale && locale !== language && recall('language') === null) setLanguage(locale);
    // Only when the account says something new, not when the reader switches.
  }, [locale]);
}

function LostPage() {
  const t = useT();
  return (
    <div className="page narrow">
      <Notice
        heads
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
