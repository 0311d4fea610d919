import { getSummary } from '../api/classroom';
import { getClass } from '../api/client';
import type { Summary, SummaryAnswers, SummaryQuiz } from '../api/contract';
import { Part } from '../class/part';
import { useI18n } from '../i18n';
import { clock, percent, span } from '../i18n/format';
import { Link, replayHref } from '../router';
import { Failure } from '../ui/failure';
import { Bar, Columns } from '../ui/plot';
import { Skeleton } from '../ui/skeleton';
import { useLoad } from '../ui/use-load';
import { DeskHead } from './head';
import { byMinute, choicesOf } from './reading';
import { STATUSES, TONES } from './status';

/** `/desk/{id}/summary`: how the class went. */
export function SummaryPage({ id }: { id: string }) {
  const { value: entry } = useLoad(() => getClass(id), [id]);
  const { value, error, retry } = useLoad(() => getSummary(id), [id]);
  return (
    <>
      <DeskHead entry={entry} id={id} tab="/summary" />
      <Failure error={error} onRetry={retry} />
      {!value && error === null && <Skeleton count={6} />}
      {value && <Known id={id} summary={value} replayable={entry?.replay != null} />}
    </>
  );
}

function Known({ id, summary, replayable }: { id: string; summary: Summary; replayable: boolean }) {
  const { t } = useI18n();
  const people = STATUSES.reduce((sum, status) => sum + (summary.attendance[status] ?? 0), 0);
  return (
    <div className="desk-body" data-testid="summary">
      <Part id="came" title={t('summary.attendance')}>
        <div className="bars-list">
          {STATUSES.map((status) => (
            <Bar
              key={status}
              name={t(`status.${status}`)}
              share={people === 0 ? 0 : (summary.attendance[status] ?? 0) / people}
              figure={t('summary.people', { n: summary.attendance[status] ?? 0 })}
              tone={TONES[status] === 'good' ? 'good' : 'plain'}
            />
          ))}
        </div>
        <p className="soft">{t('summary.duration', { span: span(t, summary.duration_ms) })}</p>
      </Part>
      <Part id="quizzes" title={t('summary.quizzes')}>
        {summary.quizzes.length === 0 && <p className="soft">{t('summary.quizzes.none')}</p>}
        {summary.quizzes.map((quiz) => (
          <QuizResult key={quiz.id} quiz={quiz} />
        ))}
      </Part>
      <Part id="moments" title={t('summary.moments')}>
        <Moments
          id={id}
          title={t('summary.rewound')}
          none={t('summary.rewound.none')}
          moments={summary.rewound}
          summary={summary}
          replayable={replayable}
        />
        <Moments
          id={id}
          title={t('summary.left')}
          none={t('summary.left.none')}
          moments={summary.left}
          summary={summary}
          replayable={replayable}
        />
      </Part>
      <Part id="questions" title={t('summary.questions')}>
        {summary.questions.length === 0 && <p className="soft">{t('summary.questions.none')}</p>}
        <ul className="lines">
          {summary.questions.map((question) => (
            <li key={question.id}>
              <span className="thread-words">
                <span>{question.text}</span>
                <span className="soft">
                  {question.from?.name ?? t('summary.anonymous')} · {t('summary.votes', { n: question.votes })}
                  {question.minute_ms !== undefined && ` · ${clock(question.minute_ms)}`}
                </span>
              </span>
              <span className="badge" data-tone={question.state === 'answered' ? 'good' : 'warn'}>
                {t(question.state === 'answered' ? 'summary.answered' : 'summary.unanswered')}
              </span>
            </li>
          ))}
        </ul>
      </Part>
    </div>
  );
}

/** How a quiz was answered, in class and, where anybody did, in replays beside it. */
function QuizResult({ quiz }: { quiz: SummaryQuiz }) {
  const { t } = useI18n();
  const replayed = quiz.replay.answered > 0;
  const share = (part: SummaryAnswers, place: number) => {
    const correct = part.items[place]?.correct_share ?? null;
    return correct === null ? t('summary.no_key') : part.answered === 0 ? '–' : percent(correct);
  };
  return (
    <article className="summary-quiz table-wrap" data-testid="summary-quiz" tabIndex={0} aria-label={quiz.title}>
      <table>
        <thead>
          <tr>
            <th scope="col">{quiz.title}</th>
            <th scope="col" className="number">
              {t('summary.in.class')}
              <small>{t('summary.people', { n: quiz.answered })}</small>
            </th>
            {replayed && (
              <th scope="col" className="number" data-testid="summary-replay">
                {t('summary.in.replay')}
                <small>{t('summary.people', { n: quiz.replay.answered })}</small>
              </th>
            )}
          </tr>
        </thead>
        {quiz.items.map((item, place) => (
          <tbody key={place}>
            <tr className="summary-item">
              <th scope="rowgroup">{item.text}</th>
              <td className="number">{share(quiz, place)}</td>
              {replayed && <td className="number">{share(quiz.replay, place)}</td>}
            </tr>
            {choicesOf(item.choices, quiz.replay.items[place]?.choices ?? []).map((choice) => (
              <tr key={choice.text}>
                <th scope="row">{choice.text}</th>
                <Count n={choice.n} of={quiz.answered} />
                {replayed && <Count n={choice.replay} of={quiz.replay.answered} />}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </article>
  );
}

function Count({ n, of }: { n: number; of: number }) {
  return (
    <td className="number summary-count">
      {n}
      <i aria-hidden="true" style={{ width: `${of === 0 ? 0 : Math.min(100, (n / of) * 100)}%` }} />
    </td>
  );
}

interface MomentsProps {
  id: string;
  title: string;
  none: string;
  moments: Summary['rewound'];
  summary: Summary;
  replayable: boolean;
}

/** Minutes as columns, and the three that stand out as words and links. */
function Moments({ id, title, none, moments, summary, replayable }: MomentsProps) {
  const { t } = useI18n();
  const top = [...moments]
    .filter(({ n }) => n > 0)
    .sort((a, b) => b.n - a.n || a.minute - b.minute)
    .slice(0, 3);
  return (
    <div className="moments">
      <h3>{title}</h3>
      {top.length === 0 ? (
        <p className="soft">{none}</p>
      ) : (
        <>
          <Columns
            label={title}
            values={byMinute(moments, summary.duration_ms).map((n, minute) => ({ name: clock(minute * 60_000), n }))}
          />
          <p className="axis soft" aria-hidden="true">
            <span>0:00</span>
            <span>{clock(summary.duration_ms)}</span>
          </p>
          <ul className="moment-list">
            {top.map(({ minute, n }) => (
              <li key={minute}>
                {replayable ? (
                  <Link href={`${replayHref(id)}?t=${minute * 60}`}>{clock(minute * 60_000)}</Link>
                ) : (
                  <b>{clock(minute * 60_000)}</b>
                )}{' '}
                {t('summary.people', { n })}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
