import type { ReactNode } from 'react';
import type { Class } from '../api/contract';
import { useI18n } from '../i18n';
import { dayAndHour } from '../i18n/time';
import { classHref, Link, replayHref } from '../router';
import { Icon } from '../ui/icons';
import { dyeOf, useCategories } from './use-categories';

/** A class as a book on the shelf: its cover's dye is its category's. `note` is why it lies here. */
export function ClassCard({ entry, note }: { entry: Class; note?: ReactNode }) {
  const { t } = useI18n();
  const { nameOf } = useCategories();
  return (
    <li
      className="book"
      data-testid="class-card"
      data-class-id={entry.id}
      data-state={entry.state}
      data-dye={dyeOf(entry.category)}
    >
      <div className="book-text">
        <p className="book-marks">
          <StateBadge entry={entry} />
          <span>{nameOf(entry.category)}</span>
          {entry.level !== 'any' && <span className="soft">{t(`level.${entry.level}`)}</span>}
          {entry.language === 'en' && (
            <span className="soft" lang="en">
              English
            </span>
          )}
        </p>
        <h3>
          <Link href={classHref(entry.id)} className="book-link" data-testid="class-open">
            {entry.title}
          </Link>
        </h3>
        {entry.instructor.name && <p className="book-by">{t('home.by', { name: entry.instructor.name })}</p>}
        {note ? (
          <p className="book-note">{note}</p>
        ) : (
          entry.description && <p className="soft book-about">{entry.description}</p>
        )}
      </div>
      <div className="book-foot">
        <When entry={entry} />
        <Crowd entry={entry} />
        <CardAction entry={entry} />
      </div>
    </li>
  );
}

export function StateBadge({ entry }: { entry: Class }) {
  const { t } = useI18n();
  if (entry.state === 'live') {
    return (
      <span className="badge" data-tone="live">
        {t('home.live')}
      </span>
    );
  }
  if (entry.mine.teaches) return <span className="badge">{t('card.teaches')}</span>;
  if (entry.mine.enrolment === 'none') return null;
  return (
    <span className="badge" data-tone="mine">
      {t(entry.mine.enrolment === 'enrolled' ? 'card.enrolled' : 'card.waiting')}
    </span>
  );
}

function When({ entry }: { entry: Class }) {
  const { t, language } = useI18n();
  if (entry.state === 'live') return <span className="book-when">{t('card.now')}</span>;
  if (entry.state === 'ended') {
    const key = entry.has_replay ? 'card.replay' : entry.recorded ? 'home.preparing' : 'card.ended';
    return <span className="book-when">{t(key)}</span>;
  }
  if (entry.starts_at_ms === null) return <span className="book-when">{t('card.open')}</span>;
  return (
    <time className="book-when" dateTime={new Date(entry.starts_at_ms).toISOString()}>
      {dayAndHour(language, entry.starts_at_ms)}
    </time>
  );
}

function Crowd({ entry }: { entry: Class }) {
  const { t } = useI18n();
  if (entry.capacity !== null && entry.state === 'upcoming') {
    const left = entry.capacity - entry.enrolled;
    return (
      <span className="soft" data-full={left <= 0}>
        {left > 0 ? t('card.seats', { n: left }) : t('card.full', { n: entry.waiting })}
      </span>
    );
  }
  if (entry.likes === 0) return null;
  return (
    <span className="soft book-likes">
      <Icon name="heart" size={15} />
      <span className="hidden-visually">{t('class.like')}</span> {entry.likes}
    </span>
  );
}

/** The way straight in, for who may go; the whole card leads to the class's page. */
function CardAction({ entry }: { entry: Class }) {
  const { t } = useI18n();
  const may = entry.mine.teaches || entry.mine.enrolment === 'enrolled' || entry.capacity === null;
  if (entry.state === 'live' && may) {
    return (
      <Link className="button primary small" href={classHref(entry.id, '/room')} data-testid="class-join">
        {t('home.join')}
        <span className="hidden-visually">: {entry.title}</span>
      </Link>
    );
  }
  if (entry.state === 'ended' && entry.replay) {
    return (
      <Link className="button small" href={replayHref(entry.id)} data-testid="class-replay">
        {t('home.watch')}
        <span className="hidden-visually">: {entry.title}</span>
      </Link>
    );
  }
  return null;
}

export function Cards({ classes, notes }: { classes: readonly Class[]; notes?: Record<string, ReactNode> }) {
  return (
    <ul className="books" data-testid="class-list">
      {classes.map((entry) => (
        <ClassCard key={entry.id} entry={entry} note={notes?.[entry.id]} />
      ))}
    </ul>
  );
}
