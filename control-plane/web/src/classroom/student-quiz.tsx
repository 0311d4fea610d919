import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { Answers, MyAnswers, Quiz } from '../api/contract';
import type { DraftSlot } from '../drafts';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { AnswerFields, AnswerList } from './answer-form';
import { PostStatus } from './post-status';
import { isComplete, secondsLeft } from './reading';
import type { Classroom } from './room';
import { useNow } from './use-classroom';

/** The last seconds are told to those who cannot see the clock. */
const FEW_SECONDS = 10;
/** With so little left, what is chosen is handed in by itself. */
const LAST_MS = 1_000;

/** A quiz as a student meets it: to answer, handed in, closed, revealed. */
export function StudentQuiz({ room, quiz, offsetMs }: { room: Classroom; quiz: Quiz; offsetMs: number }) {
  const t = useT();
  const entry = room.answerOf(quiz.id);
  const given = quiz.mine?.answers ?? (entry && entry.state !== 'refused' ? (entry.parcel.body as MyAnswers).answers : null);
  const now = useNow(quiz.state === 'open' && Boolean(quiz.closes_at_ms));
  // The room is told that a quiz is closed, but not that its time is over.
  const over = secondsLeft(quiz, now, offsetMs) === 0;
  const open = quiz.state === 'open' && !given && !over;
  const refused = entry?.state === 'refused' ? (entry.parcel.body as MyAnswers).answers : undefined;
  return (
    <article className="slip quiz" data-testid="quiz" data-quiz={quiz.id} data-state={quiz.state} data-answered={given !== null}>
      <header>
        <h3>{quiz.title || t('quiz.title')}</h3>
        {open && <TimeLeft quiz={quiz} offsetMs={offsetMs} />}
        {quiz.state === 'revealed' && <span className="badge">{t('quiz.revealed.state')}</span>}
      </header>
      {open && (
        <QuizForm
          quiz={quiz}
          draft={room.draftOf(quiz.id)}
          offsetMs={offsetMs}
          refused={refused}
          onAnswer={(answers) => room.answer(quiz.id, answers, false)}
        />
      )}
      {over && !given && !entry && (
        <p className="soft" role="status" data-testid="quiz-time-up">
          {t('quiz.time_up')}
        </p>
      )}
      {entry && (entry.state !== 'arrived' || quiz.state === 'open') && <PostStatus entry={entry} outbox={room.outbox} />}
      {quiz.state === 'revealed' && <Score quiz={quiz} mine={quiz.mine} />}
      {given && quiz.state !== 'revealed' && (
        <>
          <p className="soft">{t(quiz.state === 'open' ? 'quiz.sent.wait' : 'quiz.closed')}</p>
          <AnswerList items={quiz.items} answers={given} />
        </>
      )}
      {!given && quiz.state === 'closed' && <p className="soft">{t('quiz.closed.missed')}</p>}
    </article>
  );
}

/** The result of one quiz: how many, and each question with what would have been right. */
export function Score({ quiz, mine }: { quiz: Quiz; mine: MyAnswers | undefined }) {
  const t = useT();
  const right = Object.values(mine?.correct ?? {}).filter(Boolean).length;
  return (
    <div className="score" data-testid="quiz-score" data-right={right}>
      {mine?.correct && <p className="score-line">{t('quiz.score', { right, total: quiz.items.length })}</p>}
      {!mine && <p className="soft">{t('quiz.closed.missed')}</p>}
      <AnswerList items={quiz.items} answers={mine?.answers ?? {}} correct={mine?.correct} answerKey={quiz.key} />
    </div>
  );
}

interface QuizFormProps {
  quiz: Quiz;
  /** What is chosen and not handed in survives a reload. */
  draft: DraftSlot;
  offsetMs: number;
  /** What was handed in and not taken: to hand in once more, by hand. */
  refused?: Answers | undefined;
  onAnswer: (answers: Answers) => void;
}

export function QuizForm({ quiz, draft, offsetMs, refused, onAnswer }: QuizFormProps) {
  const t = useT();
  const [answers, setAnswers] = useState<Answers>(() => ({ ...refused, ...(draft.read() as Answers) }));
  const done = useRef(false);
  const missing = quiz.items.filter((item) => !isComplete([item], answers)).length;
  const change = (next: Answers) => {
    setAnswers(next);
    draft.keep(next);
  };
  const hand = () => {
    if (done.current) return;
    done.current = true;
    onAnswer(answers);
  };
  const begun = missing < quiz.items.length;
  const closes = quiz.state === 'open' ? quiz.closes_at_ms : null;
  const last = useRef(hand);
  last.current = hand;
  useEffect(() => {
    if (!closes || !begun || refused) return undefined;
    // Not by the clock that is shown: its seconds may step over the last one.
    const leftMs = () => closes - (Date.now() + offsetMs);
    // A machine that slept over the end has nothing to hand in any more.
    const timer = setTimeout(() => leftMs() > 0 && last.current(), leftMs() - LAST_MS);
    return () => clearTimeout(timer);
  }, [closes, begun, refused, offsetMs]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (begun) hand();
  };
  return (
    <form className="quiz-form" onSubmit={submit} aria-label={quiz.title || t('quiz.title')}>
      <AnswerFields items={quiz.items} answers={answers} onChange={change} />
      {begun && missing > 0 && <p className="soft">{t('quiz.incomplete', { n: missing })}</p>}
      <button type="submit" className="primary" data-testid="quiz-submit" disabled={!begun}>
        {t('quiz.submit')}
      </button>
    </form>
  );
}

function TimeLeft({ quiz, offsetMs }: { quiz: Quiz; offsetMs: number }) {
  const t = useT();
  const left = secondsLeft(quiz, useNow(Boolean(quiz.closes_at_ms)), offsetMs);
  if (left === null) return null;
  const limit = quiz.time_limit_s ?? 0;
  return (
    <>
      <span className="time-left" role="timer" data-few={left <= FEW_SECONDS} data-testid="quiz-left">
        <i style={{ transform: `scaleX(${limit > 0 ? Math.min(1, left / limit) : 1})` }} aria-hidden="true" />
        <span>{t('quiz.left', { time: clock(left * 1000) })}</span>
      </span>
      <span className="hidden-visually" role="status">
        {left > 0 && left <= FEW_SECONDS ? t('quiz.left.few', { n: FEW_SECONDS }) : ''}
      </span>
    </>
  );
}
