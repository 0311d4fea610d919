import { useEffect, useRef } from 'react';
import { signInPath } from '../account/context';
import type { MyAnswers, Quiz } from '../api/contract';
import { PostStatus } from '../classroom/post-status';
import type { Classroom } from '../classroom/room';
import { QuizForm, Score } from '../classroom/student-quiz';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { Link } from '../router';
import type { TimedQuiz } from './happenings';

interface QuizMomentProps {
  room: Classroom;
  timed: TimedQuiz;
  /** As the control plane has it now: with the key where it is revealed, with what was answered. */
  known: Quiz | undefined;
  signedIn: boolean;
  paused: boolean;
  onDone: () => void;
}

/** The quiz at its minute: to answer then and there, with the result at once, or to skip. */
export function QuizMoment({ room, timed, known, signedIn, paused, onDone }: QuizMomentProps) {
  const t = useT();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    heading.current?.closest('section')?.scrollIntoView({ block: 'nearest' });
  }, [timed.quiz.id]);
  // There is no timer in a replay, whatever the class's was.
  const quiz: Quiz = { ...timed.quiz, ...known, state: known?.state === 'revealed' ? 'revealed' : 'closed' };
  const entry = room.answerOf(quiz.id);
  const answered = (entry?.result as { mine?: MyAnswers } | undefined)?.mine ?? known?.mine ?? timed.quiz.mine;
  const result = answered?.correct ? answered : undefined;
  const sent = entry !== undefined && entry.state !== 'refused';
  return (
    <section
      className="slip quiz-moment"
      aria-labelledby="quiz-moment"
      data-testid="replay-quiz"
      data-quiz={quiz.id}
      data-answered={Boolean(answered)}
    >
      <header>
        <h2 id="quiz-moment" tabIndex={-1} ref={heading}>
          {quiz.title || t('quiz.title')}
        </h2>
        <small className="soft">
          {clock(timed.atMs)} · {t('replay.quiz.at')}
        </small>
      </header>
      {paused && !answered && <p className="soft">{t('replay.quiz.paused')}</p>}
      {!signedIn && (
        <p>
          {t('replay.quiz.signin')} <Link href={signInPath()}>{t('lobby.signin')}</Link>
        </p>
      )}
      {signedIn && !answered && !sent && (
        <QuizForm
          quiz={quiz}
          draft={room.draftOf(quiz.id)}
          offsetMs={0}
          onAnswer={(answers) => room.answer(quiz.id, answers, true)}
        />
      )}
      {entry && <PostStatus entry={entry} outbox={room.outbox} quiet={result !== undefined} />}
      {sent && !answered && <p className="soft">{t('replay.quiz.result.wait')}</p>}
      {answered && <Score quiz={quiz} mine={answered} />}
      <div className="slip-actions">
        <button type="button" className={answered ? 'primary' : ''} data-testid="replay-quiz-done" onClick={onDone}>
          {t(answered || sent ? 'replay.quiz.on' : 'replay.quiz.skip')}
        </button>
      </div>
    </section>
  );
}
