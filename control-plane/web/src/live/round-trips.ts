/** Round trips to edges that this tab has measured: the control plane ranks by them at the next join. */

const KEY = 'seodang.rtts';
/** As many as the control plane hears of. */
export const ROUND_TRIPS_MAX = 64;
/** Networks change: a train leaves the town, a telephone its Wi-Fi. */
export const FRESH_MS = 10 * 60_000;
/** Longer ones the control plane does not take for round trips. */
const RTT_MS_MAX = 60_000;

/** By edge id: milliseconds, and when they were measured. */
type Known = Record<string, readonly [rttMs: number, atMs: number]>;

function isMeasure(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number' && Number.isFinite(part));
}

/** What is there and still fresh, newest first. */
function recall(nowMs: number): [string, readonly [number, number]][] {
  try {
    const known: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '{}');
    return Object.entries(known as Record<string, unknown>)
      .filter((entry): entry is [string, [number, number]] => isMeasure(entry[1]))
      .filter(([, [rttMs, atMs]]) => rttMs > 0 && rttMs <= RTT_MS_MAX && atMs <= nowMs && nowMs - atMs < FRESH_MS)
      .sort(([, [, a]], [, [, b]]) => b - a)
      .slice(0, ROUND_TRIPS_MAX);
  } catch {
    return [];
  }
}

/** For a join request; empty when nothing is known. */
export function roundTrips(nowMs = Date.now()): Record<string, number> {
  return Object.fromEntries(recall(nowMs).map(([edge, [rttMs]]) => [edge, rttMs]));
}

/** Keeps what was just measured. An edge that did not answer is forgotten: what was known of it no longer holds. */
export function keepRoundTrips(measured: readonly (readonly [edge: string, rttMs: number | null])[], nowMs = Date.now()): void {
  const known: Known = Object.fromEntries(recall(nowMs));
  for (const [edge, rttMs] of measured) {
    delete known[edge];
    if (rttMs !== null) known[edge] = [Math.max(Math.round(rttMs * 10) / 10, 0.1), nowMs];
  }
  const newest = Object.entries(known).sort(([, [, a]], [, [, b]]) => b - a);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(Object.fromEntries(newest.slice(0, ROUND_TRIPS_MAX))));
  } catch {
    // Private windows may forbid storage: the control plane then ranks by distance, as before.
  }
}
