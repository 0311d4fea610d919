import { useId } from 'react';
import type { Answers, QuizItem } from '../api/contract';
import { useT } from '../i18n';
import { choose } from './reading';
import { SHORT_ANSWER_LENGTH_MAX } from './room';

/** The questions of a quiz to fill in. */
export function AnswerFields({
  items,
  answers,
  onChange,
}: {
  items: readonly QuizItem[];
  answers: Answers;
  onChange: (answers: Answers) => void;
}) {
  return (
    <ol className="quiz-items">
      {items.map((item, place) => (
        <li key={item.id} data-testid="quiz-item" data-kind={item.kind}>
          {item.kind === 'short' ? (
            <ShortField item={item} place={items.length > 1 ? place + 1 : null} answers={answers} onChange={onChange} />
          ) : (
            <ChoiceField item={item} place={items.length > 1 ? place + 1 : null} answers={answers} onChange={onChange} />
          )}
        </li>
      ))}
    </ol>
  );
}

interface FieldProps {
  item: QuizItem;
  place: number | null;
  answers: Answers;
  onChange: (answers: Answers) => void;
}

function ChoiceField({ item, place, answers, onChange }: FieldProps) {
  const t = useT();
  const name = useId();
  const chosen = answers[item.id] ?? [];
  const several = item.kind === 'multiple';
  return (
    <fieldset className="pick">
      <legend>
        {place !== null && `${place}. `}
        {item.text}
        {several && <small className="soft">{t('quiz.multiple')}</small>}
      </legend>
      {item.choices.map((choice) => (
        <label key={choice.id} className="pick-choice">
          <input
            type={several ? 'checkbox' : 'radio'}
            name={name}
            checked={chosen.includes(choice.id)}
            data-testid="quiz-choice"
            onChange={() => onChange(choose(item, answers, choice.id))}
          />
          <span>{choice.text}</span>
        </label>
      ))}
    </fieldset>
  );
}

function ShortField({ item, place, answers, onChange }: FieldProps) {
  const t = useT();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>
        {place !== null && `${place}. `}
        {item.text}
      </label>
      <input
        id={id}
        type="text"
        value={answers[item.id]?.[0] ?? ''}
        maxLength={SHORT_ANSWER_LENGTH_MAX}
        autoComplete="off"
        placeholder={t('quiz.short')}
        data-testid="quiz-short"
        onChange={(event) => onChange({ ...answers, [item.id]: [event.target.value] })}
      />
    </div>
  );
}

/** An answer as it was given, with what is right where that may be known. */
export function AnswerList({
  items,
  answers,
  correct,
  answerKey,
}: {
  items: readonly QuizItem[];
  answers: Answers;
  correct?: Record<string, boolean> | undefined;
  answerKey?: Answers | undefined;
}) {
  const t = useT();
  const read = (item: QuizItem, given: readonly string[]) =>
    given
      .map((one) => item.choices.find((choice) => choice.id === one)?.text ?? one)
      .filter(Boolean)
      .join(', ') || '—';
  return (
    <ol className="quiz-result">
      {items.map((item) => {
        const right = correct?.[item.id];
        const key = answerKey?.[item.id];
        return (
          <li key={item.id} data-right={right} data-testid="quiz-result-item">
            <p className="quiz-text">{item.text}</p>
            <p>
              {right !== undefined && (
                <b className="mark">
                  {right ? '○' : '×'} {t(right ? 'quiz.right' : 'quiz.wrong')}
                </b>
              )}{' '}
              <span className="soft">{t('quiz.yours')}</span> {read(item, answers[item.id] ?? [])}
            </p>
            {key && right !== true && (
              <p>
                <span className="soft">{t('quiz.key')}</span> {read(item, key)}
              </p>
            )}
          </li>
        );
      })}
    </ol>
  );
}
