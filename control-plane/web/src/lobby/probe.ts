import { listEdges } from '../api/client';
import { probeEdge } from '../live/edges';

/** Edges asked at most; the nearest of them is what joining will find. */
const EDGES_ASKED = 6;
/** Round trips to the nearest edge: enough to see whether they swing. */
const ROUNDS = 6;

export type Grade = 'good' | 'fair' | 'weak' | 'unstable' | 'none';

export interface Network {
  grade: Grade;
  rttMs: number;
}

/** From here on people talk over each other, and below it nobody notices (ITU-T G.114, as in class). */
const FAIR_MS = 250;
const WEAK_MS = 500;
/** Round trips that differ by more than this make sound break up whatever their mean. */
const SWING_MS = 200;

/** What round trips mean for a class; `null` is one without an answer. */
export function gradeOf(rtts: readonly (number | null)[]): Network {
  const heard = rtts.filter((rtt): rtt is number => rtt !== null).sort((a, b) => a - b);
  const median = heard[Math.floor(heard.length / 2)];
  if (median === undefined) return { grade: 'none', rttMs: 0 };
  const rttMs = Math.round(median);
  const silent = rtts.length - heard.length;
  const swing = (heard.at(-1) ?? 0) - (heard[0] ?? 0);
  if (silent > rtts.length / 3) return { grade: 'unstable', rttMs };
  if (median >= WEAK_MS) return { grade: 'weak', rttMs };
  if (silent > 0 || swing > SWING_MS) return { grade: 'unstable', rttMs };
  return { grade: median >= FAIR_MS ? 'fair' : 'good', rttMs };
}

/** Finds the nearest edge by asking, and measures it some more. */
export async function probeNetwork(): Promise<Network> {
  const edges = (await listEdges()).filter((edge) => !edge.draining).slice(0, EDGES_ASKED);
  const first = await Promise.all(edges.map(async (edge) => ({ edge, rtt: await probeEdge(edge.url) })));
  const nearest = first.filter((one) => one.rtt !== null).sort((a, b) => (a.rtt ?? 0) - (b.rtt ?? 0))[0];
  if (!nearest) return { grade: 'none', rttMs: 0 };
  const rtts: (number | null)[] = [];
  for (let round = 0; round < ROUNDS; round++) rtts.push(await probeEdge(nearest.edge.url));
  return gradeOf(rtts);
}
