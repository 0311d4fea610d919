import { useI18n } from '../i18n';
import { type Filters, LANGUAGES, LEVELS, narrowed, WHENS } from './filters';
import { useCategories } from './use-categories';

/** Choices beside the text; each takes effect at once and stands in the address. */
export function FilterBar({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const { t, language: reader } = useI18n();
  const { categories } = useCategories();
  const set = (part: { [K in keyof Filters]?: Filters[K] | undefined }) => onChange({ ...filters, ...part } as Filters);
  return (
    <div className="filters" role="group" aria-label={t('filter.label')}>
      <div className="chips" role="group" aria-label={t('filter.when')}>
        {WHENS.map((when) => (
          <button
            key={when}
            type="button"
            className="chip"
            aria-pressed={filters.when === when}
            data-testid={`filter-when-${when}`}
            onClick={() => set({ when: filters.when === when ? undefined : when })}
          >
            {t(`when.${when}`)}
          </button>
        ))}
      </div>
      <Choice
        label={t('filter.category')}
        value={filters.category ?? ''}
        testid="filter-category"
        options={categories.map((category) => [category.id, category[reader]])}
        onChange={(category) => set({ category })}
      />
      <Choice
        label={t('filter.level')}
        value={filters.level ?? ''}
        testid="filter-level"
        options={LEVELS.map((level) => [level, t(`level.${level}`)])}
        onChange={(level) => set({ level: level as Filters['level'] })}
      />
      <Choice
        label={t('filter.language')}
        value={filters.language ?? ''}
        testid="filter-language"
        options={LANGUAGES.map((language) => [language, t(`language.${language}`)])}
        onChange={(language) => set({ language: language as Filters['language'] })}
      />
      {narrowed(filters) > 0 && (
        <button type="button" className="quiet" onClick={() => onChange(filters.q ? { q: filters.q } : {})}>
          {t('filter.clear')}
        </button>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  testid: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string | undefined) => void;
}

function Choice({ label, value, testid, options, onChange }: ChoiceProps) {
  return (
    <label className="filter-choice" data-set={value !== ''}>
      <span className="hidden-visually">{label}</span>
      <select value={value} data-testid={testid} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">{label}</option>
        {options.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
