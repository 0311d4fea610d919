import type { ReactNode } from 'react';
import { useT } from '../i18n';
import { Icon } from '../ui/icons';
import { CHOICES_MAX, CHOICES_MIN } from './draft';

interface ChoiceRowsProps {
  choices: readonly string[];
  testid: string;
  /** What stands before a choice: its mark as right. */
  mark?: (place: number) => ReactNode;
  onText: (place: number, text: string) => void;
  onRemove: (place: number) => void;
  onAdd: () => void;
}

/** Choices being written, of a quiz or a poll: there are always at least two. */
export function ChoiceRows({ choices, testid, mark, onText, onRemove, onAdd }: ChoiceRowsProps) {
  const t = useT();
  return (
    <>
      {choices.map((choice, place) => (
        <div key={place} className="choice-editor">
          {mark?.(place)}
          <input
            type="text"
            value={choice}
            maxLength={200}
            placeholder={t('edit.choice', { n: place + 1 })}
            aria-label={t('edit.choice', { n: place + 1 })}
            data-testid={testid}
            onChange={(event) => onText(place, event.target.value)}
          />
          {choices.length > CHOICES_MIN && (
            <button
              type="button"
              className="quiet icon-only"
              aria-label={t('edit.choice.remove', { n: place + 1 })}
              onClick={() => onRemove(place)}
            >
              <Icon name="close" size={16} />
            </button>
          )}
        </div>
      ))}
      {choices.length < CHOICES_MAX && (
        <button type="button" className="quiet small" onClick={onAdd}>
          <Icon name="plus" size={16} /> {t('edit.choice.add')}
        </button>
      )}
    </>
  );
}
