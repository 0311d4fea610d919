import { useCallback, useEffect, useState } from 'react';
import { listCategories } from '../api/client';
import type { Category } from '../api/contract';
import { useI18n } from '../i18n';

/** The categories, and a category's name by its id: the id itself until they are here. */
export function useCategories(): { categories: Category[]; nameOf: (id: string) => string } {
  const { language } = useI18n();
  const [categories, setCategories] = useState<Category[]>([]);
  useEffect(() => {
    let current = true;
    listCategories().then(
      (list) => current && setCategories(list),
      // Pages work without: only names and the row of choices are missing.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, []);
  const nameOf = useCallback(
    (id: string) => categories.find((category) => category.id === id)?.[language] ?? id,
    [categories, language],
  );
  return { categories, nameOf };
}

/** Each category has one of the dyes of old book covers; the same on every page. */
export const DYES = 6;
export function dyeOf(category: string): number {
  let sum = 0;
  for (const char of category) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 997;
  return sum % DYES;
}
