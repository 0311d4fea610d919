import { type ReactNode, useEffect, useRef, useState } from 'react';
import { signInPath, useAccount } from '../account/context';
import { changeMe } from '../api/client';
import { useI18n, useT } from '../i18n';
import { Link, type Route, usePath } from '../router';
import { Icon } from '../ui/icons';

/** The seal and the ways to every page: in a row where there is room, behind a button where there is not. */
export function Masthead({ route }: { route: Route }) {
  const t = useT();
  const { account, known } = useAccount();
  return (
    <header className="masthead">
      <Link href="/" className="brand" data-testid="nav-home">
        <span className="seal" aria-hidden="true">
          서당
        </span>
        <span className="brand-text">
          {t('app.name')}
          <small>{t('app.tagline')}</small>
        </span>
      </Link>
      <nav className="masthead-nav" aria-label={t('nav.main')}>
        <Ways route={route} />
      </nav>
      <div className="masthead-tools">
        {account && <Bell />}
        {known && !account && route.page !== 'signin' && (
          <Link className="button primary masthead-signin" href={signInPath(ownPath(route))} data-testid="nav-signin">
            {t('nav.signin')}
          </Link>
        )}
        <LanguageSwitch className="masthead-language" />
        <Menu route={route} />
      </div>
    </header>
  );
}

/** Signing in from a page about signing in leads home. */
function ownPath(route: Route): string {
  const around = ['signin', 'signup', 'password', 'lost'].includes(route.page);
  return around ? '/' : location.pathname + location.search;
}

function Ways({ route }: { route: Route }) {
  const t = useT();
  const { account, dev } = useAccount();
  const teaches = account?.role === 'instructor' || account?.role === 'admin';
  const here = (...pages: Route['page'][]) => (pages.includes(route.page) ? ('page' as const) : undefined);
  return (
    <>
      <Link href="/search" aria-current={here('search')} data-testid="nav-search">
        {t('nav.search')}
      </Link>
      {account && (
        <Link href="/mine" aria-current={here('mine')} data-testid="nav-mine">
          {t('nav.mine')}
        </Link>
      )}
      {teaches && (
        <Link href="/desk" aria-current={here('desk', 'desk-new', 'desk-class', 'desk-edit')} data-testid="nav-desk">
          {t('nav.desk')}
        </Link>
      )}
      {teaches && (
        <Link href="/demand" aria-current={here('demand')} data-testid="nav-demand">
          {t('nav.demand')}
        </Link>
      )}
      {account?.role === 'admin' && (
        <Link href="/admin" aria-current={here('admin')} data-testid="nav-admin">
          {t('nav.admin')}
        </Link>
      )}
      {(dev || account?.role === 'admin') && (
        <Link href="/ops" aria-current={here('ops')} data-testid="nav-ops">
          {t('nav.ops')}
        </Link>
      )}
    </>
  );
}

function Bell() {
  const t = useT();
  const { unread } = useAccount();
  return (
    <Link href="/notifications" className="button quiet icon-only bell" data-testid="nav-notifications">
      <Icon name="bell" />
      <span className="hidden-visually">
        {unread > 0 ? t('nav.notifications.unread', { n: unread }) : t('nav.notifications')}
      </span>
      {unread > 0 && (
        <span className="bell-count" aria-hidden="true">
          {unread > 99 ? '99+' : unread}
        </span>
      )}
    </Link>
  );
}

function LanguageSwitch({ className }: { className: string }) {
  const { t, language, setLanguage } = useI18n();
  const { account, setAccount } = useAccount();
  const other = language === 'ko' ? 'en' : 'ko';
  const change = () => {
    setLanguage(other);
    // Mails and notifications follow; if that fails the page still reads as asked.
    if (account) void changeMe({ locale: other }).then(setAccount, () => undefined);
  };
  return (
    <button
      type="button"
      className={`quiet language ${className}`}
      data-testid="lang-switch"
      lang={other}
      title={t('lang.switch.label')}
      onClick={change}
    >
      {t('lang.switch')}
    </button>
  );
}

function Menu({ route }: { route: Route }) {
  const t = useT();
  const path = usePath();
  const { account, known, signOut } = useAccount();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => setOpen(false), [path]);
  useDismiss(open, box, () => setOpen(false), button);
  return (
    <div className="menu" ref={box}>
      <button
        type="button"
        ref={button}
        className="quiet icon-only"
        aria-expanded={open}
        aria-controls="menu-box"
        data-testid="nav-menu"
        onClick={() => setOpen(!open)}
      >
        {account ? <Initial name={account.name} /> : <Icon name="menu" />}
        <span className="hidden-visually">{t('nav.menu')}</span>
      </button>
      <div className="menu-box" id="menu-box" hidden={!open}>
        {account && (
          <p className="menu-who">
            <b>{account.name}</b>
            <span className="soft">{t(`role.${account.role}`)}</span>
          </p>
        )}
        <nav className="menu-ways" aria-label={t('nav.menu')}>
          <div className="menu-narrow">
            <Ways route={route} />
          </div>
          {account && (
            <>
              <MenuLink href="/wishes">{t('nav.wishes')}</MenuLink>
              <MenuLink href="/me" testid="nav-me">
                {t('nav.me')}
              </MenuLink>
            </>
          )}
          {known && !account && (
            <>
              <MenuLink href={signInPath(ownPath(route))}>{t('nav.signin')}</MenuLink>
              <MenuLink href="/signup" testid="nav-signup">
                {t('nav.signup')}
              </MenuLink>
            </>
          )}
        </nav>
        <LanguageSwitch className="menu-language" />
        {account && (
          <button type="button" className="quiet menu-out" data-testid="sign-out" onClick={() => void signOut()}>
            {t('nav.signout')}
          </button>
        )}
      </div>
    </div>
  );
}

function MenuLink({ href, testid, children }: { href: string; testid?: string; children: ReactNode }) {
  return (
    <Link href={href} data-testid={testid}>
      {children}
    </Link>
  );
}

export function Initial({ name }: { name: string }) {
  return (
    <span className="initial" aria-hidden="true">
      {[...name.trim()][0] ?? '?'}
    </span>
  );
}

/** Escape and a press elsewhere close; Escape gives the focus back. */
function useDismiss(
  open: boolean,
  box: React.RefObject<HTMLElement | null>,
  close: () => void,
  button: React.RefObject<HTMLElement | null>,
): void {
  useEffect(() => {
    if (!open) return undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      close();
      button.current?.focus();
    };
    const onPress = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) close();
    };
    addEventListener('keydown', onKey);
    addEventListener('pointerdown', onPress);
    addEventListener('focusin', onPress);
    return () => {
      removeEventListener('keydown', onKey);
      removeEventListener('pointerdown', onPress);
      removeEventListener('focusin', onPress);
    };
  });
}
