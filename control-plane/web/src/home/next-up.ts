import type { Class } from '../api/contract';

/** Shown from this long before: earlier it is only one of many plans. */
const AHEAD_MS = 7 * 86_400_000;

/** The class somebody goes to next: one that is on, else the soonest. */
export function nextUp(classes: readonly Class[], nowMs = Date.now()): Class | null {
  const live = classes.find((entry) => entry.state === 'live');
  if (live) return live;
  const start = (entry: Class) => entry.starts_at_ms ?? Infinity;
  const soon = classes
    .filter((entry) => entry.state === 'upcoming' && start(entry) < nowMs + AHEAD_MS)
    .sort((a, b) => start(a) - start(b));
  return soon[0] ?? null;
}
