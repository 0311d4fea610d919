import type { Class, ClassState } from '../api/contract';

/** Live and upcoming soonest first, ended latest first. Classes without an hour come after those with one. */
export function byState(classes: readonly Class[]): Record<ClassState, Class[]> {
  const lists: Record<ClassState, Class[]> = { live: [], upcoming: [], ended: [] };
  for (const entry of classes) lists[entry.state].push(entry);
  const start = (entry: Class) => entry.starts_at_ms ?? Number.MAX_SAFE_INTEGER;
  const begun = (entry: Class) => entry.starts_at_ms ?? entry.created_at_ms;
  lists.live.sort((a, b) => start(a) - start(b));
  lists.upcoming.sort((a, b) => start(a) - start(b));
  lists.ended.sort((a, b) => begun(b) - begun(a));
  return lists;
}
