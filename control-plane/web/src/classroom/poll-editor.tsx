import { type FormEvent, useId, useState } from 'react';
import type { NewPoll } from '../api/contract';
import { type Key, useT } from '../i18n';
import { explain } from '../i18n/errors';
import { ChoiceRows } from './choice-rows';
import { emptyPoll, pollFault, pollOf } from './draft';
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
        <ChoiceRows
          choices={draft.choices}
          testid="poll-choice-text"
          onText={(place, text) => setDraft({ ...draft, choices: draft.choices.with(place, text) })}
          onRemove={(place) => setDraft({ ...draft, choices: draft.choices.filter((_, at) => at !== place) })}
          onAdd={() => setDraft({ ...draft, choices: [...draft.choices, ''] })}
        />
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
