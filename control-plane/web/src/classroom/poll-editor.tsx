import { type FormEvent, useId, useState } from 'react';
import type { NewPoll } from '../api/contract';
import { type Key, useT } from '../i18n';
import { explain } from '../i18n/errors';
import { Icon } from '../ui/icons';
import { CHOICES_MAX, CHOICES_MIN, emptyPoll, pollFault, pollOf } from './draft';
import { useAction } from './use-classroom';

export function PollEditor({ onSave, onCancel }: { onSave: (spec: NewPoll) => Promise<void>; onCancel: () => void }) {
  const t = useT();
  const id = useId();
  const [draft, setDraft] = useState(emptyPoll);
  const [fault, setFault] = useState<Key | null>(null);
  const action = useAction();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = pollFault(draft);
    setFault(found);
    if (!found) void action.run(() => onSave(pollOf(draft)));
  };
  return (
    <form className="quiz-editor" onSubmit={submit} noValidate data-testid="poll-editor" aria-label={t('poll.prepare')}>
      <div className="field">
        <label htmlFor={`${id}-question`}>{t('poll.question')}</label>
        <input
          id={`${id}-question`}
          type="text"
          maxLength={300}
          value={draft.question}
          data-testid="poll-question"
          onChange={(event) => setDraft({ ...draft, question: event.target.value })}
        />
      </div>
      <div className="choices-editor">
        {draft.choices.map((choice, place) => (
          <div key={place} className="choice-editor">
            <input
              type="text"
              value={choice}
              maxLength={200}
              placeholder={t('edit.choice', { n: place + 1 })}
              aria-label={t('edit.choice', { n: place + 1 })}
              data-testid="poll-choice-text"
              onChange={(event) => setDraft({ ...draft, choices: draft.choices.with(place, event.target.value) })}
            />
            {draft.choices.length > CHOICES_MIN && (
              <button
                type="button"
                className="quiet icon-only"
                aria-label={t('edit.choice.remove', { n: place + 1 })}
                onClick={() => setDraft({ ...draft, choices: draft.choices.filter((_, at) => at !== place) })}
              >
                <Icon name="close" size={16} />
              </button>
            )}
          </div>
        ))}
        {draft.choices.length < CHOICES_MAX && (
          <button type="button" className="quiet small" onClick={() => setDraft({ ...draft, choices: [...draft.choices, ''] })}>
            <Icon name="plus" size={16} /> {t('edit.choice.add')}
          </button>
        )}
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={draft.multiple}
          onChange={(event) => setDraft({ ...draft, multiple: event.target.checked })}
        />
        <span>{t('poll.multiple')}</span>
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={draft.anonymous}
          data-testid="poll-anonymous"
          onChange={(event) => setDraft({ ...draft, anonymous: event.target.checked })}
        />
        <span>{t('poll.anonymous')}</span>
        <small className="hint soft">{t('poll.anonymous.hint')}</small>
      </label>
      {(fault || action.error != null) && (
        <p className="field-error" role="alert">
          {fault ? t(fault) : explain(t, action.error)}
        </p>
      )}
      <div className="slip-actions">
        <button type="submit" className="primary" disabled={action.busy} data-testid="poll-save">
          {t('edit.save')}
        </button>
        <button type="button" className="quiet" onClick={onCancel}>
          {t('common.cancel')}
        </button>
      </div>
    </form>
  );
}
