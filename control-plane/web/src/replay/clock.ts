import type { Manifest, Presentation } from '../api/contract';

/** Followers are pulled by rate up to this drift, beyond it they jump. */
export const SEEK_DRIFT_MS = 300;
/** Below this nobody sees or hears a difference (ITU-R BT.1359: sound is noticed from 45 ms early): leave it alone. */
export const STILL_DRIFT_MS = 20;
/** Bounds of the pull, small enough not to be heard. */
const PULL_MAX = 0.03;
/** A drift of 1 s would be pulled by this share; the bound above cuts it off at 30 ms. */
const PULL_PER_SECOND = 1;

export type Correction = { seek: true } | { seek: false; rate: number };

/** What a follower has to do to meet the class clock. Drift is positive when it is ahead. */
export function correct(driftMs: number, rate: number): Correction {
  if (Math.abs(driftMs) > SEEK_DRIFT_MS) return { seek: true };
  if (Math.abs(driftMs) < STILL_DRIFT_MS) return { seek: false, rate };
  const pull = Math.max(-PULL_MAX, Math.min(PULL_MAX, (-driftMs / 1000) * PULL_PER_SECOND));
  return { seek: false, rate: rate * (1 + pull) };
}

/** While a class is being recorded, entries that reach its end are still growing. The origin writes every few seconds. */
const GROWING_MS = 8_000;

/** Where an entry ends for the player: a growing one goes on past the end last heard of. */
export function endOf(entry: Presentation, manifest: Pick<Manifest, 'state' | 'duration_ms'>): number {
  const growing = manifest.state === 'live' && entry.end_ms >= manifest.duration_ms - GROWING_MS;
  return growing ? entry.end_ms + GROWING_MS : entry.end_ms;
}

export function isActive(entry: Presentation, manifest: Pick<Manifest, 'state' | 'duration_ms'>, atMs: number): boolean {
  return entry.start_ms <= atMs && atMs < endOf(entry, manifest);
}

/**
 * Whose element is the class clock: it runs freely, the others follow it. Sound tolerates no correction, so a camera
 * with sound comes first, then a microphone, then anything. The longest wins (the instructor's), and a master stays
 * one as long as it may.
 */
export function pickMaster(candidates: readonly Presentation[], current: string | null): Presentation | null {
  const staying = candidates.find((entry) => entry.id === current);
  const best =
    [...candidates].sort(
      (a, b) =>
        weight(a) - weight(b) ||
        b.end_ms - b.start_ms - (a.end_ms - a.start_ms) ||
        a.start_ms - b.start_ms ||
        (a.id < b.id ? -1 : 1),
    )[0] ?? null;
  return staying && best && weight(staying) === weight(best) ? staying : best;
}

function weight(entry: Presentation): number {
  if (entry.has_audio && entry.has_video) return 0;
  return entry.has_audio ? 1 : 2;
}

/** The end of the gap a moment lies in, or `null`. Gaps are on the class timeline. */
export function gapEnd(entry: Presentation, atMs: number): number | null {
  // A player rests a little before a hole: the last frame's end.
  const gap = entry.gaps.find(({ start_ms, end_ms }) => start_ms - 250 <= atMs && atMs < end_ms);
  return gap?.end_ms ?? null;
}

/** Where a replay begins: the first moment something is to be seen or heard. */
export function firstMoment(presentations: readonly Presentation[]): number {
  return presentations.reduce((first, entry) => Math.min(first, entry.start_ms), presentations[0]?.start_ms ?? 0);
}
