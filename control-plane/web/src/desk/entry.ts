import type { Class, ClassLanguage, Level, NewClass } from '../api/contract';
import { momentOf, ownZone, wallClock } from '../i18n/time';

/** A class as its form holds it: what is typed, not what it means. */
export interface ClassEntry {
  title: string;
  description: string;
  category: string;
  level: Level;
  language: ClassLanguage;
  /** Without an hour the class is open: it begins when the instructor comes. */
  scheduled: boolean;
  date: string;
  time: string;
  zone: string;
  duration: string;
  capacity: string;
  recorded: boolean;
}

export const TITLE_LENGTH_MAX = 120;
export const DESCRIPTION_LENGTH_MAX = 4000;
export const DURATION_MIN_MAX = 24 * 60;
export const CAPACITY_MAX = 100_000;

export type Fault = 'title' | 'when' | 'past' | 'duration' | 'capacity';

export function blankEntry(language: ClassLanguage, nowMs = Date.now()): ClassEntry {
  const zone = ownZone();
  // Tomorrow evening: people plan a class for after work, seldom for now.
  const { date } = wallClock(nowMs + 86_400_000, zone);
  return {
    title: '',
    description: '',
    category: '',
    level: 'any',
    language,
    scheduled: true,
    date,
    time: '19:00',
    zone,
    duration: '60',
    capacity: '',
    recorded: true,
  };
}

export function entryOf(known: Class): ClassEntry {
  const at = wallClock(known.starts_at_ms ?? Date.now(), known.time_zone);
  return {
    title: known.title,
    description: known.description,
    category: known.category,
    level: known.level,
    language: known.language,
    scheduled: known.starts_at_ms !== null,
    date: at.date,
    time: at.time,
    zone: known.time_zone,
    duration: String(known.duration_min),
    capacity: known.capacity === null ? '' : String(known.capacity),
    recorded: known.recorded,
  };
}

/** The moment it begins; `null`: it says none. */
export function startOf(entry: ClassEntry): number | null {
  return entry.scheduled ? momentOf(entry.date, entry.time, entry.zone) : null;
}

/** What is wrong. A class that is being changed may lie in the past. */
export function faultsOf(entry: ClassEntry, { fresh, nowMs = Date.now() }: { fresh: boolean; nowMs?: number }): Set<Fault> {
  const faults = new Set<Fault>();
  if (entry.title.trim() === '') faults.add('title');
  const start = startOf(entry);
  if (entry.scheduled && start === null) faults.add('when');
  if (fresh && start !== null && start < nowMs - 60_000) faults.add('past');
  if (!whole(entry.duration, 1, DURATION_MIN_MAX)) faults.add('duration');
  if (entry.capacity.trim() !== '' && !whole(entry.capacity, 1, CAPACITY_MAX)) faults.add('capacity');
  return faults;
}

function whole(text: string, least: number, most: number): boolean {
  const value = Number(text);
  return text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most;
}

/** What a change changes: the rest may have been changed elsewhere meanwhile, and stays. */
export function changesOf(before: ClassEntry, after: ClassEntry): Partial<NewClass> {
  const old: Partial<NewClass> = specOf(before);
  const changed = Object.entries(specOf(after)).filter(([name, value]) => value !== old[name as keyof NewClass]);
  return Object.fromEntries(changed);
}

export function specOf(entry: ClassEntry): NewClass {
  return {
    title: entry.title.trim(),
    description: entry.description.trim(),
    level: entry.level,
    language: entry.language,
    starts_at_ms: startOf(entry),
    duration_min: Number(entry.duration),
    time_zone: entry.zone,
    capacity: entry.capacity.trim() === '' ? null : Number(entry.capacity),
    recorded: entry.recorded,
    ...(entry.category ? { category: entry.category } : {}),
  };
}
