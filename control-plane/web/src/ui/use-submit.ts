import { type FormEvent, useCallback, useState } from 'react';

export interface Submit {
  busy: boolean;
  /** `null`: nothing went wrong. */
  failure: unknown;
  clear(): void;
  /** Runs it unless it is running; whether it went well. */
  run(work: () => Promise<unknown>): Promise<boolean>;
}

/** One piece of work at a time, and what became of it. */
export function useSubmit(): Submit {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const run = useCallback(async (work: () => Promise<unknown>) => {
    setBusy(true);
    setFailure(null);
    try {
      await work();
      return true;
    } catch (error) {
      setFailure(error);
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setFailure(null), []);
  return { busy, failure, clear, run };
}

/** The first control that says it is wrong gets the focus, once the page shows it so. */
export function focusFirstInvalid(event: FormEvent<HTMLFormElement>): void {
  const form = event.currentTarget;
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
}
