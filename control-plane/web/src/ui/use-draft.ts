import { useCallback, useReducer, useRef } from 'react';
import { useAccount } from '../account/context';
import { FormDraft } from '../drafts';

/** What somebody types into a form, kept in this tab until it is sent: a reload or a wrong click loses nothing. */
export function useDraft<T extends object>(key: string, initial: T): [T, (change: Partial<T>) => void, () => void] {
  const { account } = useAccount();
  const owner = account?.id ?? '';
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const held = useRef<FormDraft<T> | null>(null);
  // Signing in, or being signed out by time, leaves the form as it is; another person begins with an empty one.
  const another = held.current !== null && owner !== '' && held.current.owner !== '' && held.current.owner !== owner;
  if (held.current === null || another) held.current = new FormDraft(owner, key, initial);
  const change = useCallback((part: Partial<T>) => {
    held.current?.change(part);
    redraw();
  }, []);
  const forget = useCallback(() => held.current?.forget(), []);
  return [held.current.value(), change, forget];
}
