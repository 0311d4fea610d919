import { useEffect, useState } from 'react';
import { signInPath, useAccount } from '../account/context';
import { calendarPath } from '../api/client';
import type { Class } from '../api/contract';
import { useI18n } from '../i18n';
import { explain } from '../i18n/errors';
import { span } from '../i18n/format';
import { day, hour, ownZone, sameClock, zoneName } from '../i18n/time';
import { classHref, Link, replayHref } from '../router';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icons';
import { useEnrolment, useLike } from './use-part';

/** The title slip of the book: when, how many, and the one thing to do now. */
export function Slip({ entry, onChanged }: { entry: Class; onChanged: () => void }) {
  const { t } = useI18n();
  const enrolment = useEnrolment(entry, onChanged);
  const like = useLike(entry);
  const { mine } = enrolment;
  const failure = enrolment.failure ?? like.failure;
  return (
    <aside className="titleslip" aria-label={t('class.slip')}>
      <When entry={entry} />
      <p className="titleslip-crowd" data-testid="class-crowd">
        {entry.capacity === null
          ? t('class.enrolled', { n: enrolment.enrolled })
          : t('class.enrolled.of', { n: enrolment.enrolled, capacity: entry.capacity })}
        {entry.waiting > 0 && <span className="soft"> · {t('class.waiting', { n: entry.waiting })}</span>}
      </p>
      {entry.locked && entry.state === 'live' && <p className="titleslip-note">{t('class.locked')}</p>}
      {mine.enrolment === 'waiting' && (
        <p className="titleslip-note" data-testid="waiting-note">
          {mine.position ? t('class.position', { n: mine.position }) : t('class.position.unknown')}
        </p>
      )}
      <Action entry={entry} enrolment={enrolment} />
      <div className="titleslip-more">
        {entry.starts_at_ms !== null && entry.state === 'upcoming' && (
          <a className="button quiet" href={calendarPath(entry.id)} download data-testid="calendar">
            <Icon name="calendar" size={18} />
            {t('class.calendar')}
          </a>
        )}
        <button type="button" className="quiet like" aria-pressed={like.liked} data-testid="like" onClick={like.toggle}>
          <Icon name="heart" size={18} />
          <span className="hidden-visually">{t('class.like')}</span>
          <span>{like.likes}</span>
        </button>
      </div>
      <p className="field-error" role="alert">
        {failure !== null && explain(t, failure)}
      </p>
    </aside>
  );
}

function When({ entry }: { entry: Class }) {
  const { t, language } = useI18n();
  const now = useMinute();
  const start = entry.starts_at_ms;
  if (start === null) return <p className="titleslip-day">{t(entry.state === 'live' ? 'card.now' : 'card.open')}</p>;
  const end = start + entry.duration_min * 60_000;
  const own = ownZone();
  const elsewhere = !sameClock(own, entry.time_zone, start);
  const zone = zoneName(language, entry.time_zone, start);
  return (
    <div className="titleslip-when">
      <p className="titleslip-day">
        <time dateTime={new Date(start).toISOString()}>{day(language, start)}</time>
      </p>
      <p className="titleslip-hour">
        {hour(language, start)} – {hour(language, end)}
      </p>
      <p className="soft slip-zone" data-testid="class-zone">
        {elsewhere
          ? t('class.zone.other', {
              own: zoneName(language, own, start),
              zone,
              hour: `${day(language, start, entry.time_zone)} ${hour(language, start, entry.time_zone)}`,
            })
          : zone}
      </p>
      {entry.state === 'upcoming' && start > now && (
        <p className="titleslip-until">{t('class.until', { span: span(t, start - now) })}</p>
      )}
      {entry.state === 'live' && <p className="titleslip-until">{t('card.now')}</p>}
    </div>
  );
}

function Action({ entry, enrolment }: { entry: Class; enrolment: ReturnType<typeof useEnrolment> }) {
  const { t } = useI18n();
  const { account, known } = useAccount();
  const [leaving, setLeaving] = useState(false);
  const { mine, busy } = enrolment;
  const enrolled = mine.enrolment === 'enrolled';
  const mayEnter = mine.teaches || enrolled || entry.capacity === null;
  const full = entry.capacity !== null && enrolment.enrolled >= entry.capacity;

  const enter = (mayEnter || !account) && entry.state !== 'ended' && (
    <Link
      className={`button big ${entry.state === 'live' || mine.teaches ? 'primary' : ''}`}
      href={account ? classHref(entry.id, '/room') : signInPath(classHref(entry.id, '/room'))}
      data-testid="enter-class"
    >
      {t(mine.teaches && entry.state !== 'live' ? 'class.start' : entry.state === 'live' ? 'class.enter' : 'class.enter.early')}
    </Link>
  );
  return (
    <div className="titleslip-action">
      {entry.state === 'live' && enter}
      {entry.replay && (
        <Link
          className={`button big ${entry.state === 'ended' ? 'primary' : ''}`}
          href={replayHref(entry.id)}
          data-testid="class-replay"
        >
          {t(entry.state === 'live' ? 'class.watch.live' : 'home.watch')}
        </Link>
      )}
      {!mine.teaches &&
        mine.enrolment === 'none' &&
        entry.state !== 'ended' &&
        (account ? (
          <button
            type="button"
            className={`big ${entry.state === 'live' && mayEnter ? '' : 'primary'}`}
            data-testid="enrol"
            onClick={enrolment.enrol}
            disabled={busy}
          >
            {t(full ? 'class.wait' : 'class.enrol')}
          </button>
        ) : (
          known &&
          entry.state !== 'live' && (
            <Link className="button big primary" href={signInPath()} data-testid="enrol">
              {t(full ? 'class.wait' : 'class.enrol')}
            </Link>
          )
        ))}
      {entry.state === 'upcoming' && account && mayEnter && (mine.teaches || enrolled) && enter}
      {!mine.teaches && mine.enrolment !== 'none' && entry.state !== 'ended' && (
        <p className="titleslip-mine">
          <span>
            <Icon name="check" size={18} /> {t(enrolled ? 'class.is_enrolled' : 'class.is_waiting')}
          </span>
          <button type="button" className="quiet" data-testid="leave" onClick={() => setLeaving(true)}>
            {t('class.leave')}
          </button>
        </p>
      )}
      {entry.state === 'ended' && !entry.replay && (
        <p className="soft">
          {t(entry.has_replay ? 'class.replay.closed' : entry.recorded ? 'home.preparing' : 'card.ended')}
        </p>
      )}
      {leaving && (
        <Dialog title={t(enrolled ? 'class.leave.title' : 'class.leave.waiting')} onClose={() => setLeaving(false)}>
          <p>{t(enrolled && entry.waiting > 0 ? 'class.leave.next' : 'class.leave.text')}</p>
          <div className="dialog-actions">
            <button
              type="button"
              className="danger"
              data-testid="leave-confirm"
              onClick={() => {
                setLeaving(false);
                enrolment.leave();
              }}
            >
              {t(enrolled ? 'class.leave.do' : 'class.leave.waiting.do')}
            </button>
            <button type="button" onClick={() => setLeaving(false)}>
              {t('class.leave.stay')}
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

/** Now, by the minute. */
function useMinute(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
