import { useEffect } from 'react';
import { useAccount } from '../account/context';
import { listNotifications, readNotifications } from '../api/client';
import type { Notification } from '../api/contract';
import { useI18n } from '../i18n';
import { ago } from '../i18n/format';
import { classHref, Link } from '../router';
import { Failure } from '../ui/failure';
import { Icon, type IconName } from '../ui/icons';
import { Notice } from '../ui/notice';
import { SignedIn } from '../ui/signed-in';
import { Skeleton } from '../ui/skeleton';
import { usePages } from '../ui/use-pages';
import { useTitle } from '../ui/use-title';

const ICONS: Record<Notification['kind'], IconName> = {
  reminder: 'clock',
  place: 'check',
  answer: 'chat',
  accepted: 'star',
  wish: 'heart',
  quiz: 'pen',
};

/** `/notifications`. Looking at them is reading them. */
export default function NotificationsPage() {
  const { t } = useI18n();
  useTitle(t('nav.notifications'));
  return (
    <div className="page narrow">
      <h1>{t('nav.notifications')}</h1>
      <SignedIn>{() => <List />}</SignedIn>
    </div>
  );
}

function List() {
  const { t } = useI18n();
  const { setUnread } = useAccount();
  const pages = usePages(listNotifications, []);
  const newest = pages.items?.[0];
  const unread = pages.items?.some((entry) => !entry.read) ?? false;
  useEffect(() => {
    if (!newest || !unread) return;
    // Not worth a word when it fails: they stay unread, and are read next time.
    readNotifications(newest.id).then(
      () => setUnread(0),
      () => undefined,
    );
  }, [newest?.id]);
  return (
    <>
      <Failure error={pages.error} onRetry={pages.retry} />
      {!pages.items && pages.error === null && <Skeleton shape="rows" count={5} />}
      {pages.items?.length === 0 && (
        <Notice title={t('notices.none')} text={t('notices.none.text')} testid="notifications-empty" />
      )}
      {pages.items && pages.items.length > 0 && (
        <ul className="lines notices" data-testid="notifications">
          {pages.items.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
      {pages.more && (
        <button type="button" className="load-more" disabled={pages.busy} onClick={pages.loadMore}>
          {t(pages.busy ? 'common.loading' : 'common.more')}
        </button>
      )}
    </>
  );
}

function Entry({ entry }: { entry: Notification }) {
  const { t, language } = useI18n();
  const text = language === 'ko' ? entry.text_ko : entry.text_en;
  const below = entry.kind === 'answer' || entry.kind === 'accepted' ? '/board' : '';
  const words = (
    <>
      <Icon name={ICONS[entry.kind] ?? 'bell'} size={20} />
      <span className="notice-words">
        <span>{text}</span>
        <span className="soft">
          {ago(t, entry.at_ms, Date.now())}
          {!entry.read && <b className="notice-new"> · {t('notices.new')}</b>}
        </span>
      </span>
    </>
  );
  return (
    <li data-read={entry.read} data-testid="notification" data-kind={entry.kind}>
      {entry.class ? (
        <Link className="line-link" href={classHref(entry.class, below)}>
          {words}
        </Link>
      ) : (
        <span className="line-link">{words}</span>
      )}
    </li>
  );
}
