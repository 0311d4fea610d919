import { useCallback, useState } from 'react';

/** What somebody types into a form, kept in this tab until it is sent: a reload or a wrong click loses nothing. */
export function useDraft<T extends object>(key: string, initial: T): [T, (change: Partial<T>) => void, () => void] {
  const name = `seodang.draft.${key}`;
  const [value, setValue] = useState<T>(() => ({ ...initial, ...stored(name) }));
  const change = useCallback(
    (part: Partial<T>) =>
      setValue((old) => {
        const next = { ...old, ...part };
        try {
          sessionStorage.setItem(name, JSON.stringify(next));
        } catch {
          // Without storage a reload forgets; nothing else.
        }
        return next;
      }),
    [name],
  );
  const forget = useCallback(() => {
    try {
      sessionStorage.removeItem(name);
    } catch {
      // There was nothing to forget.
    }
  }, [name]);
  return [value, change, forget];
}

function stored(name: string): object {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(name) ?? '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
