import { type FormEvent, useEffect, useId, useState } from 'react';
import { useAccount } from '../account/context';
import type { NewQuiz, Quiz, QuizItemKind } from '../api/contract';
import { draftSlot } from '../drafts';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { clock } from '../i18n/format';
import { Icon } from '../ui/icons';
import { ChoiceRows } from './choice-rows';
import {
  changeKind,
  type Draft,
  type DraftItem,
  draftOf,
  emptyDraft,
  emptyItem,
  type Fault,
  faultOf,
  ITEMS_MAX,
  quizOf,
  removeChoice,
  TIME_LIMITS_S,
  toggleRight,
} from './draft';
import { useAction } from './use-classroom';

const KINDS: readonly QuizItemKind[] = ['single', 'multiple', 'short'];

interface QuizEditorProps {
  classId: string;
  /** Absent: a new one. */
  quiz?: Quiz;
  /** `open`: and open it at once. */
  onSave: (spec: NewQuiz, open: boolean) => Promise<void>;
  onCancel: () => void;
  /** Before class there is nobody to open it for. */
  canOpen?: boolean;
}

/** Writes a quiz: questions, choices, what is right, how long. What is typed survives a reload. */
export function QuizEditor({ classId, quiz, onSave, onCancel, canOpen = true }: QuizEditorProps) {
  const t = useT();
  const id = useId();
  const { account } = useAccount();
  const [slot] = useState(() => draftSlot('device', account?.id ?? '', `quiz-editor.${classId}`));
  const [draft, setDraft] = useState<Draft>(() => (quiz ? draftOf(quiz) : (wholeDraft(slot.read()) ?? emptyDraft())));
  const [fault, setFault] = useState<Fault | null>(null);
  const action = useAction();
  useEffect(() => {
    if (!quiz) slot.keep(draft);
  }, [draft, slot, quiz]);
  const change = (part: Partial<Draft>) => {
    setFault(null);
    setDraft({ ...draft, ...part });
  };
  const changeItem = (place: number, item: DraftItem) => change({ items: draft.items.with(place, item) });
  const save = (open: boolean) => {
    const found = faultOf(draft);
    setFault(found);
    if (found) {
      document.getElementById(`${id}-item-${found.item ?? 0}`)?.focus();
      return;
    }
    void action.run(async () => {
      await onSave(quizOf(draft), open);
      if (!quiz) slot.forget();
    });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(false);
  };
  return (
    <form className="quiz-editor" onSubmit={submit} noValidate data-testid="quiz-editor" aria-label={t('quiz.prepare')}>
      <div className="field">
        <label htmlFor={`${id}-title`}>{t('edit.title')}</label>
        <input
          id={`${id}-title`}
          type="text"
          maxLength={120}
          value={draft.title}
          data-testid="quiz-title"
          onChange={(event) => change({ title: event.target.value })}
        />
      </div>
      {draft.items.map((item, place) => (
        <ItemEditor
          key={place}
          id={`${id}-item-${place}`}
          item={item}
          place={place}
          fault={fault?.item === place ? fault : null}
          onChange={(next) => changeItem(place, next)}
          {...(draft.items.length > 1 ? { onRemove: () => change({ items: draft.items.filter((_, at) => at !== place) }) } : {})}
        />
      ))}
      <div className="slip-actions">
        <button
          type="button"
          data-testid="quiz-add-item"
          disabled={draft.items.length >= ITEMS_MAX}
          onClick={() => change({ items: [...draft.items, emptyItem()] })}
        >
          <Icon name="plus" size={18} /> {t('edit.item.add')}
        </button>
        <label className="inline-field">
          {t('edit.timer')}
          <select
            value={draft.timeLimitS}
            data-testid="quiz-timer"
            onChange={(event) => change({ timeLimitS: Number(event.target.value) })}
          >
            {TIME_LIMITS_S.map((seconds) => (
              <option key={seconds} value={seconds}>
                {seconds === 0 ? t('edit.timer.none') : clock(seconds * 1000)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {!quiz && <small className="soft">{t('edit.kept')}</small>}
      {action.error != null && (
        <p className="field-error" role="alert">
          {explain(t, action.error)}
        </p>
      )}
      <div className="slip-actions">
        <button type="submit" className={canOpen ? '' : 'primary'} disabled={action.busy} data-testid="quiz-save">
          {t('edit.save')}
        </button>
        {canOpen && (
          <button
            type="button"
            className="primary"
            disabled={action.busy}
            data-testid="quiz-save-open"
            onClick={() => save(true)}
          >
            {t('edit.save.open')}
          </button>
        )}
        <button type="button" className="quiet" onClick={onCancel}>
          {t('common.cancel')}
        </button>
      </div>
    </form>
  );
}

interface ItemEditorProps {
  id: string;
  item: DraftItem;
  place: number;
  fault: Fault | null;
  onChange: (item: DraftItem) => void;
  onRemove?: () => void;
}

function ItemEditor({ id, item, place, fault, onChange, onRemove }: ItemEditorProps) {
  const t = useT();
  return (
    <fieldset className="item-editor" data-testid="quiz-item-editor">
      <legend>{t('edit.item', { n: place + 1 })}</legend>
      {onRemove && (
        <button
          type="button"
          className="quiet icon-only item-remove"
          aria-label={t('edit.item.remove', { n: place + 1 })}
          onClick={onRemove}
        >
          <Icon name="close" size={18} />
        </button>
      )}
      <textarea
        id={id}
        rows={2}
        maxLength={500}
        value={item.text}
        placeholder={t('edit.text')}
        aria-label={t('edit.text')}
        aria-invalid={fault !== null}
        aria-describedby={fault ? `${id}-fault` : undefined}
        data-testid="quiz-text"
        onChange={(event) => onChange({ ...item, text: event.target.value })}
      />
      <div className="kinds" role="group" aria-label={t('edit.kind')}>
        {KINDS.map((kind) => (
          <button
            key={kind}
            type="button"
            className="chip"
            aria-pressed={item.kind === kind}
            data-testid={`quiz-kind-${kind}`}
            onClick={() => onChange(changeKind(item, kind))}
          >
            {t(`edit.kind.${kind}`)}
          </button>
        ))}
      </div>
      {item.kind === 'short' ? (
        <div className="field">
          <label htmlFor={`${id}-accepted`}>{t('edit.accepted')}</label>
          <input
            id={`${id}-accepted`}
            type="text"
            value={item.accepted}
            maxLength={400}
            data-testid="quiz-accepted"
            onChange={(event) => onChange({ ...item, accepted: event.target.value })}
          />
          <p className="hint">{t('edit.accepted.hint')}</p>
        </div>
      ) : (
        <ChoicesEditor id={id} item={item} onChange={onChange} />
      )}
      {fault && (
        <p className="field-error" role="alert" id={`${id}-fault`}>
          {t(fault.key)}
        </p>
      )}
    </fieldset>
  );
}

function ChoicesEditor({ id, item, onChange }: { id: string; item: DraftItem; onChange: (item: DraftItem) => void }) {
  const t = useT();
  return (
    <div className="choices-editor">
      <small className="soft">{t('edit.right.hint')}</small>
      <ChoiceRows
        choices={item.choices}
        testid="quiz-choice-text"
        mark={(place) => (
          <input
            type={item.kind === 'multiple' ? 'checkbox' : 'radio'}
            name={`${id}-right`}
            checked={item.right.includes(place)}
            aria-label={t('edit.right', { n: place + 1 })}
            data-testid="quiz-right"
            onChange={() => onChange(toggleRight(item, place))}
          />
        )}
        onText={(place, text) => onChange({ ...item, choices: item.choices.with(place, text) })}
        onRemove={(place) => onChange(removeChoice(item, place))}
        onAdd={() => onChange({ ...item, choices: [...item.choices, ''] })}
      />
    </div>
  );
}

/** What was being written before a reload; anything odd is no draft. */
function wholeDraft(kept: Partial<Draft>): Draft | null {
  const { title, items } = kept;
  if (typeof title !== 'string' || !Array.isArray(items) || items.length === 0) return null;
  return items.every((item) => Array.isArray(item?.choices) && Array.isArray(item?.right)) ? (kept as Draft) : null;
}
