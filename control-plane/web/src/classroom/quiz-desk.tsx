import { useEffect, useState, useSyncExternalStore } from 'react';
import { changeQuiz, deleteQuiz, getTally, makePoll, makeQuiz, moveQuiz } from '../api/classroom';
import type { LiveState, Quiz, Tally } from '../api/contract';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { clock, percent } from '../i18n/format';
import { PollEditor } from './poll-editor';
import { PollCard, STATES, TallyBar } from './polls';
import { QuizEditor } from './quiz-editor';
import { barsOf, correctShare, secondsLeft } from './reading';
import type { Classroom } from './room';
import { useAction, useNow } from './use-classroom';

/** Words bring the tally as answers come in; asked for as well, for those that get lost. */
const TALLY_MS = 3_000;

interface QuizDeskProps {
  room: Classroom;
  live: LiveState;
  offsetMs: number;
  /** Before class quizzes are only prepared. */
  canOpen?: boolean;
}

/** Quizzes and polls for who teaches: one press opens what is prepared. */
export function QuizDesk({ room, live, offsetMs, canOpen = true }: QuizDeskProps) {
  const t = useT();
  const [writing, setWriting] = useState<'quiz' | 'poll' | string | null>(null);
  const put = (quiz: Quiz) =>
    room.feed.change((old) => ({
      ...old,
      quizzes: old.quizzes.some(({ id }) => id === quiz.id)
        ? old.quizzes.map((known) => (known.id === quiz.id ? { ...known, ...quiz } : known))
        : [...old.quizzes, quiz],
    }));
  const order = { open: 0, draft: 1, closed: 2, revealed: 3 } as const;
  const quizzes = [...live.quizzes].sort(
    (a, b) => order[a.state] - order[b.state] || (b.opened_at_ms ?? 0) - (a.opened_at_ms ?? 0),
  );
  const polls = [...live.polls].sort((a, b) => order[a.state] - order[b.state]);
  const edited = live.quizzes.find(({ id }) => id === writing);
  if (writing === 'quiz' || edited) {
    return (
      <QuizEditor
        classId={room.id}
        canOpen={canOpen}
        {...(edited ? { quiz: edited } : {})}
        onCancel={() => setWriting(null)}
        onSave={async (spec, open) => {
          const made = await (edited ? changeQuiz(room.id, edited.id, spec) : makeQuiz(room.id, spec));
          put({ ...made, key: spec.key });
          setWriting(null);
          if (open) put(await moveQuiz(room.id, made.id, 'open'));
        }}
      />
    );
  }
  if (writing === 'poll') {
    return (
      <PollEditor
        onCancel={() => setWriting(null)}
        onSave={async (spec) => {
          const made = await makePoll(room.id, spec);
          room.feed.change((old) => ({ ...old, polls: [...old.polls.filter(({ id }) => id !== made.id), made] }));
          setWriting(null);
        }}
      />
    );
  }
  return (
    <div className="quiz-desk">
      <div className="slip-actions">
        <button type="button" data-testid="quiz-new" onClick={() => setWriting('quiz')}>
          {t('quiz.prepare')}
        </button>
        <button type="button" data-testid="poll-new" onClick={() => setWriting('poll')}>
          {t('poll.prepare')}
        </button>
      </div>
      {quizzes.length + polls.length === 0 && <p className="soft">{t('quiz.none')}</p>}
      {quizzes.map((quiz) => (
        <DeskQuiz
          key={quiz.id}
          room={room}
          quiz={quiz}
          offsetMs={offsetMs}
          canOpen={canOpen}
          put={put}
          onEdit={() => setWriting(quiz.id)}
        />
      ))}
      {polls.map((poll) => (
        <PollCard key={poll.id} room={room} poll={poll} />
      ))}
    </div>
  );
}

interface DeskQuizProps {
  room: Classroom;
  quiz: Quiz;
  offsetMs: number;
  canOpen: boolean;
  put: (quiz: Quiz) => void;
  onEdit: () => void;
}

function DeskQuiz({ room, quiz, offsetMs, canOpen, put, onEdit }: DeskQuizProps) {
  const t = useT();
  const action = useAction();
  const [sure, setSure] = useState(false);
  const [openTally, setOpenTally] = useState(false);
  const left = secondsLeft(quiz, useNow(quiz.state === 'open'), offsetMs);
  const move = (to: 'open' | 'close' | 'reveal') =>
    void action.run(async () => put({ ...(await moveQuiz(room.id, quiz.id, to)), ...(quiz.key ? { key: quiz.key } : {}) }));
  const erase = () =>
    void action.run(async () => {
      await deleteQuiz(room.id, quiz.id);
      room.feed.change((old) => ({ ...old, quizzes: old.quizzes.filter(({ id }) => id !== quiz.id) }));
    });
  const shown = quiz.state === 'open' || quiz.state === 'closed' || openTally;
  return (
    <article className="slip quiz" data-testid="desk-quiz" data-quiz={quiz.id} data-state={quiz.state}>
      <header>
        <h3>{quiz.title}</h3>
        <span className="badge" data-tone={quiz.state === 'open' ? 'live' : undefined}>
          {t(STATES[quiz.state])}
        </span>
      </header>
      <p className="soft">
        <small>
          {t('quiz.items', { n: quiz.items.length })}
          {quiz.state === 'draft' && quiz.time_limit_s && ` · ${clock(quiz.time_limit_s * 1000)}`}
          {left !== null && ` · ${t('quiz.left', { time: clock(left * 1000) })}`}
        </small>
      </p>
      {shown && quiz.state !== 'draft' && <LiveTally room={room} quiz={quiz} />}
      <div className="slip-actions">
        {quiz.state === 'draft' && (
          <>
            {canOpen && (
              <button
                type="button"
                className="primary"
                data-testid="quiz-open"
                aria-label={t('quiz.open.of', { title: quiz.title })}
                disabled={action.busy}
                onClick={() => move('open')}
              >
                {t('quiz.open')}
              </button>
            )}
            <button type="button" onClick={onEdit} data-testid="quiz-edit">
              {t('quiz.edit')}
            </button>
            <button type="button" className="quiet" disabled={action.busy} onClick={() => (sure ? erase() : setSure(true))}>
              {t(sure ? 'quiz.delete.sure' : 'quiz.delete')}
            </button>
          </>
        )}
        {quiz.state === 'open' && (
          <button type="button" className="primary" data-testid="quiz-close" disabled={action.busy} onClick={() => move('close')}>
            {t('quiz.close')}
          </button>
        )}
        {quiz.state === 'closed' && (
          <button
            type="button"
            className="primary"
            data-testid="quiz-reveal"
            disabled={action.busy}
            onClick={() => move('reveal')}
          >
            {t('quiz.reveal')}
          </button>
        )}
        {quiz.state === 'revealed' && (
          <button type="button" className="quiet" aria-expanded={openTally} onClick={() => setOpenTally(!openTally)}>
            {t('quiz.results')}
          </button>
        )}
      </div>
      {action.error != null && (
        <p className="field-error" role="alert">
          {explain(t, action.error)}
        </p>
      )}
    </article>
  );
}

/** How answers fall, moving while they come in. */
export function LiveTally({ room, quiz }: { room: Classroom; quiz: Quiz }) {
  const t = useT();
  const [asked, setTally] = useState<Tally | null>(null);
  const told = useSyncExternalStore(room.feed.subscribe, () => room.feed.view().tallies[quiz.id]);
  useEffect(() => {
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      // An outage leaves the bars as they were; the next round mends them.
      const read = await getTally(room.id, quiz.id).catch(() => null);
      if (!current) return;
      if (read) setTally(read);
      if (quiz.state === 'open') timer = setTimeout(() => void ask(), TALLY_MS);
    };
    void ask();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [room.id, quiz.id, quiz.state]);
  // Answers only ever come in: the fuller one is the newer one.
  const tally = told && (!asked || told.answered > asked.answered) ? told : asked;
  if (!tally) return null;
  return (
    <div className="tally-box" data-testid="tally" data-answered={tally.answered}>
      <p>
        <b>
          {tally.enrolled_present > 0
            ? t('quiz.answered', { n: tally.answered, all: tally.enrolled_present })
            : t('quiz.answered.n', { n: tally.answered })}
        </b>
        {tally.replay && tally.replay.answered > 0 && (
          <small className="soft"> · {t('quiz.replay.answered', { n: tally.replay.answered })}</small>
        )}
      </p>
      {quiz.items.map((item) => {
        const share = correctShare(item, tally);
        return (
          <section key={item.id}>
            <p className="quiz-text">
              {item.text}
              {share !== null && <small className="soft"> · {t('quiz.correct.share', { share: percent(share) })}</small>}
            </p>
            <ul className="tally">
              {barsOf(item, tally, quiz.key).map((bar) => (
                <TallyBar key={bar.id} text={bar.text} count={bar.count} share={bar.share} right={bar.right} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}
