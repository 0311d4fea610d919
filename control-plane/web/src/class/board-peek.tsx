import { listThreads } from '../api/classroom';
import { useI18n } from '../i18n';
import { ago } from '../i18n/format';
import { classHref, Link } from '../router';
import { Failure } from '../ui/failure';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';

/** The latest threads of the board, a glance long. */
const GLANCE = 3;

export function BoardPeek({ id }: { id: string }) {
  const { t } = useI18n();
  const { value, error, retry } = useLoad(() => listThreads(id), [id]);
  if (error !== null) return <Failure error={error} onRetry={retry} />;
  if (!value) return <Skeleton shape="rows" count={2} />;
  if (value.items.length === 0) {
    return (
      <p className="soft">
        {t('class.board.none')} <Link href={classHref(id, '/board')}>{t('class.board.ask')}</Link>
      </p>
    );
  }
  return (
    <ul className="lines">
      {value.items.slice(0, GLANCE).map((thread) => (
        <li key={thread.id}>
          <Link href={classHref(id, `/board/${encodeURIComponent(thread.id)}`)} className="line-link">
            <span>{thread.title}</span>
            <span className="soft">
              {thread.accepted ? t('board.accepted') : t('board.replies', { n: thread.replies })} ·{' '}
              {ago(t, thread.at_ms, Date.now())}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
