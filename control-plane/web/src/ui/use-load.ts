import { useCallback, useEffect, useState } from 'react';

export interface Loaded<T> {
  value: T | null;
  error: unknown;
  retry: () => void;
}

/**
 * Asks for something when the page opens, and again every `refreshMs` while the page is in front.
 * An old value stays visible while asking again and beside an error.
 */
export function useLoad<T>(load: () => Promise<T>, dependencies: readonly unknown[], refreshMs?: number): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; error: unknown }>({ value: null, error: null });
  const [round, setRound] = useState(0);
  const retry = useCallback(() => setRound((value) => value + 1), []);

  useEffect(() => {
    let current = true;
    const ask = () =>
      load().then(
        (value) => {
          if (current) setState({ value, error: null });
        },
        (error: unknown) => {
          if (current) setState((old) => ({ value: old.value, error }));
        },
      );
    void ask();
    const timer =
      refreshMs === undefined
        ? undefined
        : setInterval(() => {
            if (!document.hidden) void ask();
          }, refreshMs);
    return () => {
      current = false;
      clearInterval(timer);
    };
    // `load` is a new closure at each render; the dependencies say when it means something else.
  }, [...dependencies, round, refreshMs]);

  return { ...state, retry };
}
