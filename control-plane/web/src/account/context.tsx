import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { getMe, signOut as endSession } from '../api/client';
import type { Account, Me } from '../api/contract';
import { keepPosting } from '../classroom/post';
import { forgetDrafts } from '../drafts';
import { navigate } from '../router';
import { recall, remember } from '../storage';

/** How often the number of unread notifications is asked for while the page is in front. */
const REFRESH_MS = 60_000;
/** Until it is known who is here: what was handed in before a reload waits for that. */
const UNKNOWN_REFRESH_MS = 5_000;

export interface AccountState {
  /** `null`: signed out, or not known yet (`known`). */
  account: Account | null;
  /** The server has said who is here. */
  known: boolean;
  /** Why it has not. */
  error: unknown;
  /** Somebody was signed in here last time: what is for strangers need not be shown first. */
  expected: boolean;
  /** Grows when somebody else is here than before; not when it becomes known who is. */
  turn: number;
  unread: number;
  oidc: string[];
  dev: boolean;
  /** Asks again; also after signing in, which changes the CSRF word. */
  refresh(): Promise<void>;
  /** The account as a call has just answered it. */
  setAccount(account: Account): void;
  setUnread(count: number): void;
  signOut(): Promise<void>;
}

const Context = createContext<AccountState | null>(null);

export function AccountProvider({ children }: { children: ReactNode }) {
  const [me, setMe] = useState<Me | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [turn, setTurn] = useState(0);
  const last = useRef<string | null | undefined>(undefined);

  const refresh = useCallback(async () => {
    try {
      const answer = await getMe();
      const id = answer.account?.id ?? null;
      if (last.current !== undefined && last.current !== id) setTurn((count) => count + 1);
      last.current = id;
      if (id !== null) forgetDrafts(id);
      remember('expected', id === null ? '' : 'yes');
      setMe(answer);
      setError(null);
    } catch (failure) {
      setError(failure);
    }
  }, []);

  const known = me !== null;
  useEffect(() => void refresh(), [refresh]);
  useEffect(() => {
    const again = () => {
      if (!document.hidden) void refresh();
    };
    const timer = setInterval(again, known ? REFRESH_MS : UNKNOWN_REFRESH_MS);
    addEventListener('online', again);
    return () => {
      clearInterval(timer);
      removeEventListener('online', again);
    };
  }, [refresh, known]);

  // On every page, also where a class has failed or is over: what was handed in is sent until the server has it.
  const id = me?.account?.id;
  useEffect(() => (id === undefined ? undefined : keepPosting(id)), [id]);

  const value = useMemo<AccountState>(
    () => ({
      account: me?.account ?? null,
      known: me !== null,
      error,
      expected: me === null && recall('expected') === 'yes',
      turn,
      unread: me?.unread ?? 0,
      oidc: me?.oidc ?? [],
      dev: me?.dev ?? false,
      refresh,
      setAccount: (account) => setMe((old) => old && { ...old, account }),
      setUnread: (unread) => setMe((old) => old && { ...old, unread }),
      signOut: async () => {
        await endSession();
        forgetDrafts();
        await refresh();
        navigate('/');
      },
    }),
    [me, error, turn, refresh],
  );
  return <Context value={value}>{children}</Context>;
}

export function useAccount(): AccountState {
  const value = useContext(Context);
  if (!value) throw new Error('useAccount outside of AccountProvider');
  return value;
}

/** The sign-in page, and back here afterwards. */
export function signInPath(next = location.pathname + location.search): string {
  return next === '/' ? '/signin' : `/signin?next=${encodeURIComponent(next)}`;
}

/** Where to go after signing in: only ever a page of this site. */
export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) ? next : '/';
}
