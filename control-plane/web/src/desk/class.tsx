import { useState } from 'react';
import { deleteClass, getClass, listEnrolments } from '../api/client';
import type { ClassDetail } from '../api/contract';
import { Part } from '../class/part';
import { useI18n } from '../i18n';
import { ago } from '../i18n/format';
import { dayAndHour, zoneName } from '../i18n/time';
import { classHref, Link, navigate } from '../router';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/dialog';
import { Failure } from '../ui/failure';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { useSubmit } from '../ui/use-submit';
import { DeskHead } from './head';
import { MaterialDesk } from './materials';

const REFRESH_MS = 15_000;
/** Of the server's list of enrolments. */
const PAGE_LENGTH = 200;

/** `/desk/{id}`: one class from its instructor's side. */
export function DeskClassPage({ id }: { id: string }) {
  const { t } = useI18n();
  const { value, error, retry } = useLoad(() => getClass(id), [id], REFRESH_MS);
  return (
    <>
      <DeskHead entry={value} id={id} tab="" />
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton count={6} />}
      {value && (
        <div className="desk-body">
          <Facts entry={value} />
          <Part id="enrolments" title={t('desk.enrolments')}>
            <Enrolments id={id} />
          </Part>
          <Part id="materials" title={t('class.materials')}>
            <MaterialDesk id={id} />
          </Part>
          <Delete entry={value} />
        </div>
      )}
    </>
  );
}

function Facts({ entry }: { entry: ClassDetail }) {
  const { t, language } = useI18n();
  const zone = zoneName(language, entry.time_zone, entry.starts_at_ms ?? Date.now());
  return (
    <section className="desk-facts">
      <dl className="figures">
        <div>
          <dt>{t('desk.when')}</dt>
          <dd>
            {entry.starts_at_ms === null ? t('card.open') : dayAndHour(language, entry.starts_at_ms, entry.time_zone)}
            {entry.starts_at_ms !== null && <small>{zone}</small>}
          </dd>
        </div>
        <div>
          <dt>{t('desk.enrolled')}</dt>
          <dd>
            {entry.enrolled}
            {entry.capacity !== null && ` / ${entry.capacity}`}
          </dd>
        </div>
        <div>
          <dt>{t('desk.waiting')}</dt>
          <dd>{entry.waiting}</dd>
        </div>
        <div>
          <dt>{t('class.like')}</dt>
          <dd>{entry.likes}</dd>
        </div>
      </dl>
      <div className="head-row">
        <Link className="button primary" href={classHref(entry.id, '/room')} data-testid="desk-start">
          {t(entry.state === 'live' ? 'class.enter' : 'class.start')}
        </Link>
        <Link className="button" href={classHref(entry.id)}>
          {t('desk.as_seen')}
        </Link>
      </div>
    </section>
  );
}

function Enrolments({ id }: { id: string }) {
  const { t } = useI18n();
  const [pages, setPages] = useState(1);
  const load = async () => {
    const found = await listEnrolments(id);
    setPages(Math.ceil(found.items.length / PAGE_LENGTH) || 1);
    return found;
  };
  // A long list is many calls: it is asked for the more seldom.
  const { value, error, retry } = useLoad(load, [id], REFRESH_MS * pages);
  if (error !== null && !value) return <Failure error={error} onRetry={retry} />;
  if (!value) return <Skeleton shape="rows" count={3} />;
  if (value.items.length === 0) return <p className="soft">{t('desk.enrolments.none')}</p>;
  return (
    <>
      <ul className="lines people-lines" data-testid="enrolments">
        {value.items.map((line) => (
          <li key={line.account.id} data-testid="enrolment" data-state={line.state}>
            <span>
              <b>{line.account.name}</b>{' '}
              {line.state === 'waiting' && (
                <span className="badge" data-tone="warn">
                  {t('card.waiting')}
                </span>
              )}
            </span>
            <span className="soft">{ago(t, line.enrolled_at_ms, Date.now())}</span>
          </li>
        ))}
      </ul>
      {value.more && <p className="soft">{t('desk.enrolments.first', { n: value.items.length })}</p>}
    </>
  );
}

function Delete({ entry }: { entry: ClassDetail }) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const { busy, failure, run } = useSubmit();
  const erase = async () => {
    if (await run(() => deleteClass(entry.id))) {
      announce(t('desk.deleted'));
      navigate('/desk', { replace: true });
    }
  };
  return (
    <section className="erase">
      <button type="button" className="danger" data-testid="class-delete" onClick={() => setOpen(true)}>
        {t('desk.delete')}
      </button>
      {open && (
        <Dialog title={t('desk.delete.ask', { title: entry.title })} onClose={() => setOpen(false)}>
          <p>{t('desk.delete.text', { n: entry.enrolled })}</p>
          <Failure error={failure} />
          <div className="dialog-actions">
            <button
              type="button"
              className="danger"
              disabled={busy}
              data-testid="class-delete-confirm"
              onClick={() => void erase()}
            >
              {t('desk.delete')}
            </button>
            <button type="button" onClick={() => setOpen(false)}>
              {t('common.cancel')}
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}
