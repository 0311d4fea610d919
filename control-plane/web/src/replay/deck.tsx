import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { useAccount } from '../account/context';
import type { Manifest, TimelineEvent } from '../api/contract';
import { Classroom } from '../classroom/room';
import { useClassroom } from '../classroom/use-classroom';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { classHref, Link } from '../router';
import { recall, remember } from '../storage';
import { firstMoment } from './clock';
import { Controls } from './controls';
import type { Engine } from './engine';
import { dueQuiz, quizzesOf, slidesOf, type TimedQuiz } from './happenings';
import type { Teacher } from './focus';
import { handleKey } from './keys';
import { QuizMoment } from './quiz-moment';
import { Side, type SideTab } from './side';
import { SlideNow } from './slides';
import { Stage } from './stage';
import { useWatched } from './use-watched';
import type { ReplayView } from './view';

interface DeckProps {
  engine: Engine;
  manifest: Manifest;
  events: TimelineEvent[];
  classId: string;
  teacher: Teacher | null;
  /** Whether the viewer teaches this class. */
  teaches: boolean;
  resumedMs: number | null;
}

/** Pictures, controls, and what went on beside them, of one replay. */
export function Deck({ engine, manifest, events, classId, teacher, teaches, resumedMs }: DeckProps) {
  const t = useT();
  const { account } = useAccount();
  const view = useSyncExternalStore(engine.subscribe, engine.view);
  const signedIn = account !== null;
  const room = useMemo(
    () => new Classroom(classId, { id: account?.id ?? '', name: account?.name ?? '' }, teaches),
    [classId, account?.id, account?.name, teaches],
  );
  const classroom = useClassroom(room, signedIn);
  useWatched(engine, classId, manifest.room_sid, account?.id ?? null);
  const [tab, setTab] = useState<SideTab>('events');
  const quizzes = useMemo(() => quizzesOf(events), [events]);
  const slides = useMemo(() => slidesOf(events), [events]);
  const moment = useQuizMoment(engine, view, quizzes);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const ask = () => {
      setTab('questions');
      requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-testid="question-input"]')?.focus());
    };
    const onKey = (event: KeyboardEvent) => handleKey(event, engine, frame.current, ask);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [engine]);
  const timed = moment.timed;

  return (
    <div className="deck">
      <div className="deck-player" ref={frame}>
        <Stage
          view={view}
          events={events}
          teacher={teacher}
          onToggle={() => (view.playing ? engine.pause() : engine.play())}
        />
        <Controls engine={engine} view={view} manifest={manifest} events={events} frame={frame} />
      </div>
      <div className="deck-notes">
        {slides.length > 0 && (
          <SlideNow
            slides={slides}
            timeMs={view.timeMs}
            onSeek={(ms) => engine.seek(ms)}
            classId={classId}
            signedIn={signedIn}
          />
        )}
        {timed && (
          <QuizMoment
            room={room}
            timed={timed}
            known={classroom.live.quizzes.find(({ id }) => id === timed.quiz.id)}
            signedIn={signedIn}
            paused={moment.paused}
            onDone={moment.done}
          />
        )}
        <Notes
          view={view}
          manifest={manifest}
          classId={classId}
          resumedMs={resumedMs}
          onRestart={() => engine.seek(firstMoment(manifest.presentations))}
        />
        {quizzes.length > 0 && (
          <label className="check quiz-auto">
            <input
              type="checkbox"
              checked={moment.auto}
              data-testid="replay-quiz-auto"
              onChange={(event) => moment.setAuto(event.target.checked)}
            />
            <span>{t('replay.quiz.auto')}</span>
          </label>
        )}
        <details className="keys">
          <summary>{t('replay.keys.title')}</summary>
          <p className="soft">{t('replay.keys')}</p>
        </details>
      </div>
      <Side
        room={room}
        view={classroom}
        events={events}
        slides={slides}
        timeMs={view.timeMs}
        roomSid={manifest.room_sid}
        signedIn={signedIn}
        tab={tab}
        onTab={setTab}
        onSeek={(ms) => engine.seek(ms)}
        onEvent={(event) => {
          engine.seek(event.at_ms);
          const quiz = event.kind === 'quiz' ? quizzes.find(({ atMs }) => atMs === event.at_ms) : undefined;
          if (quiz) moment.open(quiz);
        }}
      />
    </div>
  );
}

interface Moment {
  timed: TimedQuiz | null;
  paused: boolean;
  auto: boolean;
  setAuto(on: boolean): void;
  open(timed: TimedQuiz): void;
  done(): void;
}

/** Stops at a quiz as playing comes to it, and goes on from there. */
function useQuizMoment(engine: Engine, view: ReplayView, quizzes: readonly TimedQuiz[]): Moment {
  const [timed, setTimed] = useState<TimedQuiz | null>(null);
  const [paused, setPaused] = useState(false);
  const [auto, setAuto] = useState(recall('replay-quizzes') !== 'off');
  const done = useRef(new Set<string>());
  const before = useRef({ timeMs: view.timeMs, at: performance.now() });
  useEffect(() => {
    const now = performance.now();
    const passedMs = (now - before.current.at) * view.rate;
    const due = auto && view.playing ? dueQuiz(quizzes, before.current.timeMs, view.timeMs, passedMs, done.current) : null;
    before.current = { timeMs: view.timeMs, at: now };
    if (!due) return;
    done.current.add(due.quiz.id);
    engine.pause();
    setPaused(true);
    setTimed(due);
  }, [engine, view.timeMs, view.playing, view.rate, quizzes, auto]);
  return {
    timed,
    paused,
    auto,
    setAuto: (on) => {
      setAuto(on);
      remember('replay-quizzes', on ? 'on' : 'off');
    },
    open: (next) => {
      done.current.add(next.quiz.id);
      setPaused(false);
      setTimed(next);
    },
    done: () => {
      setTimed(null);
      if (paused) engine.play();
      setPaused(false);
    },
  };
}

interface NotesProps {
  view: ReplayView;
  manifest: Manifest;
  classId: string;
  resumedMs: number | null;
  onRestart: () => void;
}

function Notes({ view, manifest, classId, resumedMs, onRestart }: NotesProps) {
  const t = useT();
  const [told, setTold] = useState(false);
  const failed = view.players.find((player) => player.failed && player.active);
  return (
    <>
      {resumedMs !== null && !told && (
        <p className="deck-note" role="status" data-testid="replay-resumed">
          {t('replay.resumed', { time: clock(resumedMs) })}
          <button
            type="button"
            className="small"
            onClick={() => {
              setTold(true);
              onRestart();
            }}
          >
            {t('replay.restart')}
          </button>
        </p>
      )}
      {view.blocked && (
        <p className="deck-note" role="alert">
          {t('replay.blocked')}
        </p>
      )}
      {failed && (
        <p className="deck-note" role="alert">
          {t('replay.media_failed', { name: failed.entry.name || failed.entry.identity })}
        </p>
      )}
      {manifest.state === 'live' && (
        <p className="deck-note" data-testid="replay-live">
          {t('replay.live')}
          <Link className="button" href={classHref(classId, '/room')}>
            {t('replay.join')}
          </Link>
        </p>
      )}
      {manifest.state === 'partial' && <p className="deck-note">{t('replay.partial')}</p>}
    </>
  );
}
