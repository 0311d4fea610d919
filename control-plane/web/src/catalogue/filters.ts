import type { ClassLanguage, ClassQuery, Level } from '../api/contract';

/** What a search is narrowed by; its address says the same, so that it can be sent to a friend. */
export type Filters = Pick<ClassQuery, 'q' | 'category' | 'level' | 'language' | 'when'>;

export const LEVELS: readonly Level[] = ['beginner', 'intermediate', 'advanced', 'any'];
export const LANGUAGES: readonly ClassLanguage[] = ['ko', 'en'];
export const WHENS = ['live', 'upcoming', 'replay'] as const;
/** Longer texts find nothing more. */
export const QUERY_LENGTH_MAX = 100;
const CATEGORY = /^[\w-]{1,40}$/;

/** From an address; what it cannot mean is left out. */
export function filtersOf(query: URLSearchParams): Filters {
  const q = query.get('q')?.trim().slice(0, QUERY_LENGTH_MAX);
  const category = query.get('category') ?? '';
  const level = LEVELS.find((known) => known === query.get('level'));
  const language = LANGUAGES.find((known) => known === query.get('language'));
  const when = WHENS.find((known) => known === query.get('when'));
  return {
    ...(q ? { q } : {}),
    ...(CATEGORY.test(category) ? { category } : {}),
    ...(level ? { level } : {}),
    ...(language ? { language } : {}),
    ...(when ? { when } : {}),
  };
}

/** The address of a search, its parts always in the same order. */
export function searchPath({ q, category, level, language, when }: Filters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ q: q?.trim(), category, level, language, when })) {
    if (value) query.set(name, value);
  }
  const text = query.toString();
  return text ? `/search?${text}` : '/search';
}

/** How many of the choices beside the text are made. */
export function narrowed({ category, level, language, when }: Filters): number {
  return [category, level, language, when].filter(Boolean).length;
}
