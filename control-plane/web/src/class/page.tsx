import { useState } from 'react';
import { useAccount } from '../account/context';
import { ApiError, getClass } from '../api/client';
import type { ClassDetail } from '../api/contract';
import { StateBadge } from '../catalogue/card';
import { dyeOf, useCategories } from '../catalogue/use-categories';
import { useI18n } from '../i18n';
import { explain } from '../i18n/errors';
import { clock } from '../i18n/format';
import { dayAndHour } from '../i18n/time';
import { classHref, deskHref, Link, replayHref } from '../router';
import { Failure } from '../ui/failure';
import { Notice } from '../ui/notice';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { useTitle } from '../ui/use-title';
import { BoardPeek } from './board-peek';
import { Materials } from './materials';
import { Part } from './part';
import { Slip } from './slip';
import './class.css';

/** So often the state (live, seats) is asked again while the page is in front. */
const REFRESH_MS = 15_000;

/** `/class/{id}`: what a class is, and everything one can do about it. */
export default function ClassPage({ id }: { id: string }) {
  const { t } = useI18n();
  const { account } = useAccount();
  const { value, error, retry } = useLoad(() => getClass(id), [id, account?.id], REFRESH_MS);
  useTitle(value?.title ?? t('home.title'));
  if (!value) {
    return (
      <div className="page class-page">
        {error === null ? <Skeleton shape="lines" count={6} /> : <Missing error={error} onRetry={retry} />}
      </div>
    );
  }
  return <Known entry={value} error={error} onRetry={retry} />;
}

/** What is not there will not be there when asked again: then the way on is to another class. */
function Missing({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { t } = useI18n();
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <>
      {gone ? <Notice heads title={explain(t, error)} testid="class-missing" /> : <Failure error={error} onRetry={onRetry} />}
      <p>
        <Link href="/search" className={gone ? 'button primary' : ''}>
          {t('common.home')}
        </Link>
      </p>
    </>
  );
}

function Known({ entry, error, onRetry }: { entry: ClassDetail; error: unknown; onRetry: () => void }) {
  const { t } = useI18n();
  const { nameOf } = useCategories();
  const { account } = useAccount();
  const belongs = entry.mine.teaches || entry.mine.enrolment === 'enrolled' || entry.capacity === null;
  const mayRead = account !== null && belongs;
  return (
    <div className="page class-page" data-testid="class-page" data-state={entry.state} data-dye={dyeOf(entry.category)}>
      <header className="class-head">
        <p className="book-marks">
          <StateBadge entry={entry} />
          <Link href={`/search?category=${encodeURIComponent(entry.category)}`}>{nameOf(entry.category)}</Link>
          <span className="soft">{t(`level.${entry.level}`)}</span>
          <span className="soft">{t(`language.${entry.language}`)}</span>
          {entry.recorded && <span className="soft">{t('home.recorded')}</span>}
        </p>
        <h1>{entry.title}</h1>
        {entry.instructor.name && <p>{t('home.by', { name: entry.instructor.name })}</p>}
        {entry.mine.teaches && (
          <p className="class-teach">
            <Link className="button small" href={deskHref(entry.id)} data-testid="to-desk">
              {t('class.to_desk')}
            </Link>
          </p>
        )}
      </header>
      <Failure error={error} onRetry={onRetry} />
      <div className="class-body">
        <Slip entry={entry} onChanged={onRetry} />
        <div className="class-parts">
          {entry.description && <Description text={entry.description} />}
          <Part id="materials" title={t('class.materials')}>
            <Materials id={entry.id} mayRead={mayRead} />
          </Part>
          {entry.recordings.length > 0 && <Recordings entry={entry} />}
          <Part
            id="board"
            title={t('class.board')}
            action={
              mayRead && (
                <Link href={classHref(entry.id, '/board')} className="shelf-all" data-testid="to-board">
                  {t('class.board.all')}
                </Link>
              )
            }
          >
            {mayRead ? <BoardPeek id={entry.id} /> : <p className="soft">{t('class.board.enrol')}</p>}
          </Part>
        </div>
      </div>
    </div>
  );
}

/** Long words begin folded; the fold is a line of text long. */
const FOLDED_LENGTH = 600;

function Description({ text }: { text: string }) {
  const { t } = useI18n();
  const [open, setOpen] = useState(text.length <= FOLDED_LENGTH);
  const shown = open ? text : `${text.slice(0, FOLDED_LENGTH).trimEnd()}…`;
  return (
    <Part id="about" title={t('class.about')}>
      {shown.split(/\n{2,}/).map((paragraph) => (
        <p key={paragraph} className="class-about">
          {paragraph}
        </p>
      ))}
      {!open && (
        <button type="button" className="quiet" onClick={() => setOpen(true)}>
          {t('common.more')}
        </button>
      )}
    </Part>
  );
}

function Recordings({ entry }: { entry: ClassDetail }) {
  const { t, language } = useI18n();
  const newest = [...entry.recordings].reverse();
  return (
    <Part id="recordings" title={t('class.recordings')}>
      <ul className="lines">
        {newest.map((recording, index) => (
          <li key={recording.room_sid}>
            <span>
              {dayAndHour(language, recording.started_at_ms)}
              <span className="soft"> · {clock(recording.duration_ms)}</span>
            </span>
            <Link
              className="button small"
              href={
                index === 0
                  ? replayHref(entry.id)
                  : `${replayHref(entry.id)}?room_sid=${encodeURIComponent(recording.room_sid)}`
              }
            >
              {t(recording.state === 'live' ? 'class.watch.live' : 'home.watch')}
              <span className="hidden-visually">: {dayAndHour(language, recording.started_at_ms)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Part>
  );
}
