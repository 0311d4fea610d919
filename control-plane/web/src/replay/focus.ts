import type { Presentation, TimelineEvent } from '../api/contract';

/** A person's picture of a kind. It outlives a camera that is turned off and on, which ends one entry and begins another. */
export interface Choice {
  identity: string;
  source: Presentation['source'];
}

/** What decides about the large picture. */
export interface Focus {
  /** What the viewer has pinned. */
  chosen: Choice | null;
  teacher: Teacher | null;
  /** Whom the instructor put in the light then, by identity. */
  spotlight: string | null;
  /** Id of the entry that is the clock. */
  master: string | null;
}

/** Who teaches the class. One that a server made may have no account behind the name. */
export interface Teacher {
  id: string | null;
  name: string;
}

/** An entry's identity is the account's; where there is no account, only the name can tell. */
export function isTeacher(entry: Pick<Presentation, 'identity' | 'name'>, teacher: Teacher | null): boolean {
  if (!teacher) return false;
  return teacher.id === null ? entry.name !== '' && entry.name === teacher.name : entry.identity === teacher.id;
}

export const isChosen = (entry: Presentation, chosen: Choice | null): boolean =>
  chosen !== null && entry.identity === chosen.identity && entry.source === chosen.source;

/** What has a tile: every picture, and the voice of whoever has none. A voice beside its own picture is only heard. */
export function inSight(active: readonly Presentation[]): Presentation[] {
  const voices = new Set<string>();
  return active.filter((entry) => {
    if (entry.has_video) return true;
    const first = !voices.has(entry.identity) && !active.some((other) => other.has_video && other.identity === entry.identity);
    voices.add(entry.identity);
    return first;
  });
}

/**
 * What is large: what the viewer pinned, else what the class looked at: a shared screen (the instructor's first), who was
 * in the light, the instructor (a voice, too: with the camera off nobody else takes the stage), else any picture.
 */
export function pickMain(active: readonly Presentation[], focus: Focus): string | null {
  const seen = inSight(active);
  const pictures = seen.filter((entry) => entry.has_video);
  const screens = pictures.filter((entry) => entry.source === 'screen_share');
  const teaches = (entry: Presentation) => isTeacher(entry, focus.teacher);
  const found =
    seen.find((entry) => isChosen(entry, focus.chosen)) ??
    screens.findLast(teaches) ??
    screens.at(-1) ??
    seen.find((entry) => entry.identity === focus.spotlight) ??
    seen.find(teaches) ??
    pictures.find((entry) => entry.id === focus.master) ??
    pictures[0] ??
    seen[0];
  return found?.id ?? null;
}

/** Whom everybody saw large at a moment: the latest word about it. Events are in order of time. */
export function spotlightAt(events: readonly TimelineEvent[], timeMs: number): string | null {
  const latest = events.findLast((event) => event.kind === 'spotlight' && event.at_ms <= timeMs);
  return typeof latest?.data === 'string' && latest.data !== '' ? latest.data : null;
}
