import { myClasses } from '../api/client';
import type { Class } from '../api/contract';
import { useI18n } from '../i18n';
import { dayAndHour } from '../i18n/time';
import { byState } from '../mine/by-state';
import { classHref, deskHref, Link } from '../router';
import { Failure } from '../ui/failure';
import { Icon } from '../ui/icons';
import { Notice } from '../ui/notice';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';

const REFRESH_MS = 20_000;

/** `/desk`: the classes one teaches, and what each wants next. */
export function DeskList() {
  const { t } = useI18n();
  const { value, error, retry } = useLoad(myClasses, [], REFRESH_MS);
  const lists = value && byState(value.teaching);
  return (
    <>
      <header className="head-row">
        <div>
          <h1>{t('nav.desk')}</h1>
          <p className="soft">{t('desk.intro')}</p>
        </div>
        <Link className="button primary" href="/desk/new" data-testid="desk-new">
          <Icon name="plus" size={18} />
          {t('desk.new')}
        </Link>
      </header>
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton shape="rows" count={4} />}
      {value?.teaching.length === 0 && <Notice title={t('desk.none')} text={t('desk.none.text')} testid="desk-empty" />}
      {lists &&
        [...(['live', 'upcoming', 'ended'] as const)].map(
          (state) =>
            lists[state].length > 0 && (
              <section key={state} className="part" aria-labelledby={`desk-${state}`}>
                <header>
                  <h2 id={`desk-${state}`}>{t(`desk.${state}`)}</h2>
                </header>
                <ul className="lines desk-lines">
                  {lists[state].map((entry) => (
                    <Line key={entry.id} entry={entry} />
                  ))}
                </ul>
              </section>
            ),
        )}
      <p>
        <Link href="/demand">{t('desk.to_demand')}</Link>
      </p>
    </>
  );
}

function Line({ entry }: { entry: Class }) {
  const { t, language } = useI18n();
  return (
    <li data-testid="desk-class" data-class-id={entry.id} data-state={entry.state}>
      <Link className="line-link" href={deskHref(entry.id)}>
        <span className="thread-title">{entry.title}</span>
        <span className="soft">
          {entry.starts_at_ms === null ? t('card.open') : dayAndHour(language, entry.starts_at_ms)} ·{' '}
          {entry.capacity === null
            ? t('class.enrolled', { n: entry.enrolled })
            : t('class.enrolled.of', { n: entry.enrolled, capacity: entry.capacity })}
          {entry.waiting > 0 && ` · ${t('class.waiting', { n: entry.waiting })}`}
        </span>
      </Link>
      {entry.state === 'ended' ? (
        <Link className="button small" href={deskHref(entry.id, '/summary')}>
          {t('desk.summary')}
          <span className="hidden-visually">: {entry.title}</span>
        </Link>
      ) : (
        <Link className={`button small ${entry.state === 'live' ? 'primary' : ''}`} href={classHref(entry.id, '/room')}>
          {t(entry.state === 'live' ? 'class.enter' : 'class.start')}
          <span className="hidden-visually">: {entry.title}</span>
        </Link>
      )}
    </li>
  );
}
