import type { Class } from '../api/contract';

export interface Shelves {
  live: Class[];
  upcoming: Class[];
  /** Ended, with something to watch. */
  replay: Class[];
  /** Ended, with nothing to watch (yet). */
  ended: Class[];
}

/** Every class stands on exactly one shelf, newest first. */
export function shelve(classes: readonly Class[]): Shelves {
  const shelves: Shelves = { live: [], upcoming: [], replay: [], ended: [] };
  for (const entry of [...classes].sort((a, b) => b.created_at_ms - a.created_at_ms)) {
    if (entry.state === 'live') shelves.live.push(entry);
    else if (entry.state === 'upcoming') shelves.upcoming.push(entry);
    else if (entry.replay) shelves.replay.push(entry);
    else shelves.ended.push(entry);
  }
  return shelves;
}
