import type { Key } from '../i18n';
import type { Measure, Phase } from './view';

export type Grade = 'good' | 'fair' | 'weak' | 'lost' | 'unknown';

export interface Verdict {
  grade: Grade;
  title: Key;
  text: Key | null;
  values: Record<string, string | number>;
}

/** From here on speech breaks up audibly in spite of repair. */
const LOSS_WEAK = 0.08;
const LOSS_FAIR = 0.02;
/** From here on people talk over each other (ITU-T G.114 puts good one-way delay below 150 ms). */
const RTT_FAIR_MS = 250;
const RTT_WEAK_MS = 600;

/** What a teacher or a grandparent wants to know about the network, and what to do. */
export function judge(phase: Phase, measure: Measure): Verdict {
  if (phase.name !== 'connected' || measure.quality === 'lost') {
    if (phase.name === 'connecting') return verdict('unknown', null);
    // Sound and picture may well go on while the signalling is put back.
    return verdict(phase.name === 'reconnecting' ? 'weak' : 'lost', 'verdict.lost.text');
  }
  const loss = measure.loss ?? 0;
  const rtt = measure.rttMs ?? 0;
  const lossText = { loss: Math.max(1, Math.round(loss * 100)) };
  if (loss >= LOSS_WEAK) return verdict('weak', 'verdict.loss.text', lossText);
  if (measure.quality === 'poor' || rtt >= RTT_WEAK_MS) return verdict('weak', 'verdict.weak.text');
  if (loss >= LOSS_FAIR) return verdict('fair', 'verdict.loss.text', lossText);
  if (rtt >= RTT_FAIR_MS) return verdict('fair', 'verdict.latency.text', { rtt: Math.round(rtt) });
  if (measure.quality === 'unknown' && measure.rttMs === null && measure.loss === null) return verdict('unknown', null);
  return verdict('good', 'verdict.good.text');
}

const RANK: Record<Grade, number> = { unknown: 0, good: 0, fair: 1, weak: 2, lost: 3 };
/** Worse is told after two readings, better after four: one bad second is no verdict. Lost and found are told at once. */
const WORSE_MS = 4_000;
const BETTER_MS = 8_000;

/** Keeps a verdict from flickering with each reading. */
export class Steady {
  private shown: Verdict | null = null;
  private since = 0;
  private pending: Grade | null = null;

  take(next: Verdict, nowMs: number): Verdict {
    const shown = this.shown;
    const atOnce = !shown || shown.grade === 'unknown' || shown.grade === 'lost' || next.grade === 'lost';
    if (atOnce || next.grade === shown.grade) {
      this.pending = null;
      this.shown = next;
      return next;
    }
    if (this.pending !== next.grade) {
      this.pending = next.grade;
      this.since = nowMs;
    }
    if (nowMs - this.since < (RANK[next.grade] > RANK[shown.grade] ? WORSE_MS : BETTER_MS)) return shown;
    this.pending = null;
    this.shown = next;
    return next;
  }
}

function verdict(grade: Grade, text: Key | null, values: Record<string, string | number> = {}): Verdict {
  return { grade, title: `verdict.${grade}`, text, values };
}
