import { type AnchorHTMLAttributes, type MouseEvent, useMemo, useSyncExternalStore } from 'react';

/** A router of our own on the History API: a table of paths needs no more. */

export type Route =
  { page: PlainPage } | { page: ClassPageName; id: string } | { page: 'thread'; id: string; thread: string } | { page: 'lost' };

type PlainPage = (typeof PLAIN)[keyof typeof PLAIN];
type ClassPageName = (typeof OF_CLASS)[keyof typeof OF_CLASS];

const PLAIN = {
  '': 'home',
  search: 'search',
  signin: 'signin',
  signup: 'signup',
  password: 'password',
  me: 'me',
  mine: 'mine',
  notifications: 'notifications',
  wishes: 'wishes',
  desk: 'desk',
  'desk/new': 'desk-new',
  demand: 'demand',
  admin: 'admin',
  ops: 'ops',
} as const;

/** `*` is the class's id. */
const OF_CLASS = {
  'class/*': 'class',
  'class/*/room': 'room',
  'class/*/board': 'board',
  'replay/*': 'replay',
  'desk/*': 'desk-class',
  'desk/*/edit': 'desk-edit',
  'desk/*/quizzes': 'desk-quizzes',
  'desk/*/attendance': 'desk-attendance',
  'desk/*/summary': 'desk-summary',
} as const;

export function parseRoute(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  const plain = parts.join('/');
  if (Object.hasOwn(PLAIN, plain)) return { page: PLAIN[plain as keyof typeof PLAIN] };
  const id = decode(parts[1]);
  if (id === null) return { page: 'lost' };
  const shape = [parts[0], '*', ...parts.slice(2)].join('/');
  if (Object.hasOwn(OF_CLASS, shape)) return { page: OF_CLASS[shape as keyof typeof OF_CLASS], id };
  const thread = decode(parts[3]);
  if (parts.length === 4 && parts[0] === 'class' && parts[2] === 'board' && thread) return { page: 'thread', id, thread };
  return { page: 'lost' };
}

function decode(part: string | undefined): string | null {
  try {
    return part === undefined ? null : decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** The page of a class and the pages below it. */
export function classHref(id: string, below: '' | '/room' | '/board' | `/board/${string}` = ''): string {
  return `/class/${encodeURIComponent(id)}${below}`;
}
export const replayHref = (id: string): string => `/replay/${encodeURIComponent(id)}`;
export function deskHref(id: string, below: '' | '/edit' | '/quizzes' | '/attendance' | '/summary' = ''): string {
  return `/desk/${encodeURIComponent(id)}${below}`;
}

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('popstate', listener);
  };
}

/** `replace`: the same page in another state; the view stays where it is. */
export function navigate(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', to);
  else {
    history.pushState(null, '', to);
    scrollTo(0, 0);
  }
  for (const listener of listeners) listener();
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** What stands after the `?`. */
export function useQuery(): URLSearchParams {
  const search = useSyncExternalStore(subscribe, () => location.search);
  return useMemo(() => new URLSearchParams(search), [search]);
}

/** A link that stays in the page; with a modifier key or another button it is an ordinary link. */
export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    navigate(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}
