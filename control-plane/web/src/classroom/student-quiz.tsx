import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { Answers, MyAnswers, Quiz } from '../api/contract';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { recall, remember } from '../storage';
import { AnswerFields, AnswerList } from './answer-form';
import { PostStatus } from './post-status';
import { isComplete, secondsLeft } from './reading';
import type { Classroom } from './room';
import { useNow } from './use-classroom';

/** The last seconds are told to those who cannot see the clock. */
const FEW_SECONDS = 10;
/** With so little left, what is chosen is handed in by itself. */
const LAST_SECOND = 1;

/** A quiz as a student meets it: to answer, handed in, closed, revealed. */
export function StudentQuiz({ room, quiz, offsetMs }: { room: Classroom; quiz: Quiz; offsetMs: number }) {
  const t = useT();
  const entry = room.answerOf(quiz.id);
  const given = quiz.mine?.answers ?? (entry && entry.state !== 'refused' ? (entry.parcel.body as MyAnswers).answers : null);
  const open = quiz.state === 'open' && !given;
  return (
    <article className="slip quiz" data-testid="quiz" data-quiz={quiz.id} data-state={quiz.state} data-answered={given !== null}>
      <header>
        <h3>{quiz.title || t('quiz.title')}</h3>
        {open && <TimeLeft quiz={quiz} offsetMs={offsetMs} />}
        {quiz.state === 'revealed' && <span className="badge">{t('quiz.revealed.state')}</span>}
      </header>
      {open && <QuizForm quiz={quiz} offsetMs={offsetMs} onAnswer={(answers) => room.answer(quiz.id, answers, false)} />}
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

export function QuizForm({ quiz, offsetMs, onAnswer }: { quiz: Quiz; offsetMs: number; onAnswer: (answers: Answers) => void }) {
  const t = useT();
  const [answers, setAnswers] = useKept(quiz.id);
  const done = useRef(false);
  const left = secondsLeft(quiz, useNow(quiz.state === 'open' && Boolean(quiz.closes_at_ms)), offsetMs);
  const missing = quiz.items.filter((item) => !isComplete([item], answers)).length;
  const hand = () => {
    if (done.current) return;
    done.current = true;
    onAnswer(answers);
  };
  const begun = missing < quiz.items.length;
  useEffect(() => {
    if (left !== null && left <= LAST_SECOND && begun) hand();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (begun) hand();
  };
  return (
    <form className="quiz-form" onSubmit={submit} aria-label={quiz.title || t('quiz.title')}>
      <AnswerFields items={quiz.items} answers={answers} onChange={setAnswers} />
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

/** What is chosen and not yet handed in survives a reload. */
function useKept(quiz: string): [Answers, (answers: Answers) => void] {
  const name = `draft.${quiz}`;
  const [answers, setAnswers] = useState<Answers>(() => {
    try {
      const kept: unknown = JSON.parse(recall(name) ?? '{}');
      return typeof kept === 'object' && kept !== null ? (kept as Answers) : {};
    } catch {
      return {};
    }
  });
  return [
    answers,
    (next) => {
      setAnswers(next);
      remember(name, JSON.stringify(next));
    },
  ];
}
