import { type FormEvent, useState } from 'react';
import { changeQuestion } from '../api/classroom';
import type { Question } from '../api/contract';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { clock } from '../i18n/format';
import { Icon } from '../ui/icons';
import type { ParcelView } from './outbox';
import { PostStatus } from './post-status';
import { pile } from './reading';
import { type Classroom, QUESTION_LENGTH_MAX } from './room';
import { useAction } from './use-classroom';

interface QuestionPileProps {
  room: Classroom;
  questions: readonly Question[];
  parcels: readonly ParcelView[];
  canAsk: boolean;
  /** In the replay: goes to the moment a question is about. */
  onSeek?: (ms: number) => void;
}

/** What people want to know, most wanted first. */
export function QuestionPile({ room, questions, parcels, canAsk, onSeek }: QuestionPileProps) {
  const t = useT();
  const shown = pile(questions, room.teaches);
  const there = new Set(questions.map(({ id }) => id));
  const mine = parcels.filter(({ parcel }) => parcel.kind === 'question' && parcel.class === room.id && !there.has(parcel.id));
  return (
    <div className="questions" data-testid="questions">
      {canAsk && !onSeek && <AskForm onAsk={(text) => room.ask(text)} />}
      {shown.length + mine.length === 0 && (
        <p className="soft">{t(onSeek ? 'replay.questions.empty' : room.teaches ? 'ask.empty.teacher' : 'ask.empty')}</p>
      )}
      <ul className="pile">
        {mine.map((entry) => (
          <li key={entry.parcel.id} className="slip question" data-testid="question" data-state="sending">
            <p>{(entry.parcel.body as { text: string }).text}</p>
            <PostStatus entry={entry} outbox={room.outbox} />
          </li>
        ))}
        {shown.map((question) => (
          <QuestionCard key={question.id} room={room} question={question} {...(onSeek ? { onSeek } : {})} />
        ))}
      </ul>
    </div>
  );
}

function QuestionCard({ room, question, onSeek }: { room: Classroom; question: Question; onSeek?: (ms: number) => void }) {
  const t = useT();
  const action = useAction();
  const mark = (state: Question['state']) =>
    void action.run(async () => {
      const changed = await changeQuestion(room.id, question.id, { state });
      room.feed.change((live) => ({
        ...live,
        questions: live.questions.map((known) =>
          known.id === changed.id ? { ...known, ...changed, voted: known.voted } : known,
        ),
      }));
    });
  const minute = question.minute_ms;
  return (
    <li className="slip question" data-testid="question" data-question={question.id} data-state={question.state}>
      <div className="question-row">
        <button
          type="button"
          className="vote"
          aria-pressed={question.voted}
          disabled={question.state !== 'open' || room.teaches}
          title={t('ask.vote')}
          data-testid="question-vote"
          onClick={() => void action.run(() => room.support(question, !question.voted))}
        >
          <span aria-hidden="true">▲</span>
          <span aria-hidden="true">{question.votes}</span>
          <span className="hidden-visually">{t('ask.vote.of', { text: question.text, n: question.votes })}</span>
        </button>
        <div>
          <p data-testid="question-text">{question.text}</p>
          <p className="soft">
            <small>
              {question.from?.name ?? t('ask.anonymous')}
              {minute !== undefined &&
                minute !== null &&
                !onSeek &&
                question.replay &&
                ` · ${t('ask.replay', { time: clock(minute) })}`}
              {question.state !== 'open' && ` · ${t(question.state === 'answered' ? 'ask.answered' : 'ask.hidden')}`}
            </small>
          </p>
          {question.answer && <p className="question-answer">{question.answer}</p>}
          {onSeek && minute !== undefined && minute !== null && (
            <button type="button" className="quiet small question-at" onClick={() => onSeek(minute)}>
              {t('ask.at', { time: clock(minute) })}
            </button>
          )}
        </div>
      </div>
      {room.teaches && (
        <div className="slip-actions">
          {question.state === 'open' ? (
            <>
              <button
                type="button"
                className="small"
                disabled={action.busy}
                data-testid="question-answered"
                onClick={() => mark('answered')}
              >
                {t('ask.mark.answered')}
              </button>
              <button type="button" className="quiet small" disabled={action.busy} onClick={() => mark('hidden')}>
                {t('ask.hide')}
              </button>
            </>
          ) : (
            <button type="button" className="quiet small" disabled={action.busy} onClick={() => mark('open')}>
              {t('ask.mark.open')}
            </button>
          )}
        </div>
      )}
      {action.error != null && (
        <p className="field-error" role="alert">
          {explain(t, action.error)}
        </p>
      )}
    </li>
  );
}

interface AskFormProps {
  onAsk: (text: string) => void;
  label?: string;
  onFocus?: () => void;
}

export function AskForm({ onAsk, label, onFocus }: AskFormProps) {
  const t = useT();
  const [text, setText] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === '') return;
    onAsk(text.trim());
    setText('');
  };
  return (
    <form className="chat-form ask-form" onSubmit={submit}>
      <input
        type="text"
        value={text}
        maxLength={QUESTION_LENGTH_MAX}
        autoComplete="off"
        enterKeyHint="send"
        placeholder={t('ask.placeholder')}
        aria-label={label ?? t('ask.placeholder')}
        onFocus={onFocus}
        data-testid="question-input"
        onChange={(event) => setText(event.target.value)}
      />
      <button
        type="submit"
        className="primary icon-only"
        aria-label={t('ask.send')}
        title={t('ask.send')}
        data-testid="question-send"
      >
        <Icon name="send" size={20} />
      </button>
    </form>
  );
}
