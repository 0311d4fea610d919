import { useCallback, useEffect, useRef, useState } from 'react';
import type { Page } from '../api/contract';

export interface Pages<T> {
  /** `null`: the first page is on its way. */
  items: T[] | null;
  more: boolean;
  busy: boolean;
  error: unknown;
  loadMore(): void;
  retry(): void;
  /** Changes what is shown without asking again. */
  change(edit: (items: T[]) => T[]): void;
}

/** A list in pages. Another question (the dependencies) begins anew; what is there stays until its answer comes. */
export function usePages<T>(load: (cursor?: string) => Promise<Page<T>>, dependencies: readonly unknown[]): Pages<T> {
  const [state, setState] = useState<{ items: T[] | null; next: string | null; error: unknown; busy: boolean }>({
    items: null,
    next: null,
    error: null,
    busy: true,
  });
  const [round, setRound] = useState(0);
  const question = useRef(0);

  const ask = useCallback((cursor: string | null, mine: number) => {
    setState((old) => ({ ...old, busy: true, error: null }));
    load(cursor ?? undefined).then(
      (page) => {
        if (question.current !== mine) return;
        setState((old) => ({
          items: cursor ? [...(old.items ?? []), ...page.items] : page.items,
          next: page.next,
          error: null,
          busy: false,
        }));
      },
      (error: unknown) => {
        if (question.current === mine) setState((old) => ({ ...old, error, busy: false }));
      },
    );
    // `load` is a new closure at each render; the dependencies say when it means something else.
  }, dependencies);

  useEffect(() => {
    question.current += 1;
    ask(null, question.current);
    return () => {
      question.current += 1;
    };
  }, [ask, round]);

  return {
    items: state.items,
    more: state.next !== null,
    busy: state.busy,
    error: state.error,
    loadMore: () => state.next && !state.busy && ask(state.next, question.current),
    retry: () => setRound((value) => value + 1),
    change: (edit) => setState((old) => ({ ...old, items: old.items && edit(old.items) })),
  };
}
