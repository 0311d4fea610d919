import type { Level } from '../api/contract';
import { useI18n } from '../i18n';
import { Field } from '../ui/field';
import { LEVELS } from './filters';
import { useCategories } from './use-categories';

/** What a class, or a wish for one, is about. `none` is what it says where nothing is chosen. */
export function CategoryField({
  value,
  none,
  testid,
  onChange,
}: {
  value: string;
  none: string;
  testid?: string;
  onChange: (category: string) => void;
}) {
  const { t, language } = useI18n();
  const { categories } = useCategories();
  return (
    <Field label={t('form.category')}>
      {(control) => (
        <select {...control} value={value} data-testid={testid} onChange={(event) => onChange(event.target.value)}>
          <option value="">{none}</option>
          {categories.map((category) => (
            <option key={category.id} value={category.id}>
              {category[language]}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function LevelField({ value, onChange }: { value: Level; onChange: (level: Level) => void }) {
  const { t } = useI18n();
  return (
    <Field label={t('form.level')}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onChange(event.target.value as Level)}>
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {t(`level.${level}`)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
