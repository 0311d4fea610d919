import type { EdgeChoice } from '../api/contract';
import { keepRoundTrips } from './round-trips';

/** Edges measured before joining; the others only serve when those fail. */
const PROBED_EDGES = 3;
/** Tries per edge: the first pays for the connection, the best of them is the round trip. */
const TRIES = 3;
const PROBE_TIMEOUT_MS = 800;
/** Differences below this are noise: the control plane's order (load, distance) then decides. */
export const RTT_TOLERANCE_MS = 10;

/** Round trip to an edge, `null` when it does not answer in time. */
export type Probe = (url: string) => Promise<number | null>;

export const probeEdge: Probe = (url) => probe(url, TRIES, PROBE_TIMEOUT_MS);
/** Is it there at all? */
export const askEdge: Probe = (url) => probe(url, 1, LIFE_TIMEOUT_MS);

async function probe(url: string, tries: number, timeoutMs: number): Promise<number | null> {
  let best: number | null = null;
  for (let round = 0; round < tries; round++) {
    const start = performance.now();
    try {
      const response = await fetch(`${url.replace(/\/$/, '')}/probe`, {
        cache: 'no-store',
        credentials: 'omit',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) return best;
    } catch {
      return best;
    }
    const rtt = performance.now() - start;
    best = best === null ? rtt : Math.min(best, rtt);
  }
  return best;
}

/**
 * The order to try edges in, from the control plane's order and the measured round trips of the first ones
 * (`undefined`: not measured, `null`: no answer). Answering edges first, fastest first unless the difference is noise;
 * then the unmeasured; then the silent ones, which may still take a WebSocket.
 */
export function orderEdges(
  edges: readonly EdgeChoice[],
  rtts: readonly (number | null | undefined)[],
  toleranceMs = RTT_TOLERANCE_MS,
): EdgeChoice[] {
  const measured = edges.map((edge, place) => ({ edge, rtt: rtts[place], place }));
  const waiting = measured.filter((entry): entry is typeof entry & { rtt: number } => typeof entry.rtt === 'number');
  const answering: EdgeChoice[] = [];
  while (waiting.length > 0) {
    const fastest = Math.min(...waiting.map((entry) => entry.rtt));
    const next = waiting.findIndex((entry) => entry.rtt <= fastest + toleranceMs);
    answering.push(...waiting.splice(next, 1).map((entry) => entry.edge));
  }
  const rest = (rtt: null | undefined) => measured.filter((entry) => entry.rtt === rtt).map((entry) => entry.edge);
  return [...answering, ...rest(undefined), ...rest(null)];
}

/**
 * Measures the first edges in parallel and orders all of them. With `declared`, the position was chosen by hand
 * (development): round trips say nothing about it, so only reachability counts.
 */
export async function rankEdges(
  edges: readonly EdgeChoice[],
  declared: boolean,
  probe: Probe = probeEdge,
): Promise<EdgeChoice[]> {
  const probed = edges.slice(0, PROBED_EDGES);
  const rtts = await Promise.all(probed.map((edge) => probe(edge.url)));
  keepRoundTrips(probed.map(({ id }, place) => [id, rtts[place] ?? null]));
  return orderEdges(edges, rtts, declared ? Infinity : RTT_TOLERANCE_MS);
}

/** The same edges with one moved to the end: it has just failed. */
export function demote(edges: readonly EdgeChoice[], failed: string | null): EdgeChoice[] {
  return [...edges.filter((edge) => edge.id !== failed), ...edges.filter((edge) => edge.id === failed)];
}

/** Signalling lives on the same host and port as the edge's URL. */
export function signalUrl(url: string): string {
  return url.replace(/^http/, 'ws').replace(/\/$/, '');
}

/** While the SDK reconnects, the edge is asked for a sign of life this often, and has so long to give one. */
const LIFE_CHECK_MS = 100;
const LIFE_TIMEOUT_MS = 500;

/**
 * Watches an edge that is suspected to be gone: true once it is silent while another one answers, false when nobody waits
 * any more. All are asked at once. If no edge answers, it is this machine that is offline, and moving would not help.
 */
export async function isGivenUp(
  edge: EdgeChoice,
  others: readonly EdgeChoice[],
  waiting: () => boolean,
  probe: Probe = askEdge,
): Promise<boolean> {
  while (waiting()) {
    const own = probe(edge.url);
    const another = Promise.any(
      others.map(async (other) => {
        if ((await probe(other.url)) === null) throw new Error('silent');
      }),
    ).then(
      () => true,
      () => false,
    );
    if ((await own) === null && (await another)) return true;
    await new Promise((resolve) => setTimeout(resolve, LIFE_CHECK_MS));
  }
  return false;
}
