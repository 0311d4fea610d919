import type { Watched } from '../api/contract';

/** A jump back further than this is somebody who wants to see it again; less is a slip of the finger. */
const REWIND_MS = 3_000;
/** A step of the clock larger than this was a jump. */
const STEP_MAX_MS = 2_000;
/** The control plane takes this many at once. */
const BATCH = 50;
/** Spans kept while nobody takes them; the oldest go. */
const KEPT_MAX = 200;

/** What of a recording has been watched, in spans of class time. Told where the clock stands; tells spans. */
export class WatchedSpans {
  private from: number | null = null;
  private at = 0;
  private items: Watched[] = [];

  constructor(private readonly roomSid: string) {}

  /** The clock, a few times a second. */
  look(timeMs: number, playing: boolean): void {
    const step = timeMs - this.at;
    if (this.from !== null && (step < 0 || step > STEP_MAX_MS)) {
      this.close('play');
      if (step <= -REWIND_MS) this.push({ from_ms: this.at, to_ms: timeMs, event: 'seek-back' });
    }
    if (playing && this.from === null) this.from = timeMs;
    this.at = timeMs;
    if (!playing) this.close('play');
  }

  /** Everything up to now, to be sent; the span under way goes on. */
  take(leaving: boolean): Watched[] {
    const playing = this.from !== null;
    this.close(leaving ? 'leave' : 'play');
    if (playing && !leaving) this.from = this.at;
    return this.items.splice(0);
  }

  /** What could not be sent. */
  putBack(items: readonly Watched[]): void {
    this.items = joined([...items, ...this.items]).slice(-KEPT_MAX);
  }

  private close(event: Watched['event']): void {
    const from = this.from;
    this.from = null;
    if (from !== null && this.at > from) this.push({ from_ms: from, to_ms: this.at, event });
  }

  private push(span: Omit<Watched, 'room_sid'>): void {
    const round = { ...span, from_ms: Math.round(span.from_ms), to_ms: Math.round(span.to_ms) };
    this.items = [...this.items, { room_sid: this.roomSid, ...round }].slice(-KEPT_MAX);
  }
}

/** What was watched in one go is one span, however often it was to be sent meanwhile. */
function joined(items: readonly Watched[]): Watched[] {
  const spans: Watched[] = [];
  for (const span of items) {
    const last = spans.at(-1);
    const goesOn = last?.event === 'play' && span.event !== 'seek-back' && last.to_ms === span.from_ms;
    if (last && goesOn && last.room_sid === span.room_sid) spans[spans.length - 1] = { ...span, from_ms: last.from_ms };
    else spans.push(span);
  }
  return spans;
}

/** Sends as many calls as it takes; what did not arrive, oldest first. */
export async function sendAll(items: readonly Watched[], send: (batch: Watched[]) => Promise<void>): Promise<Watched[]> {
  for (let from = 0; from < items.length; from += BATCH) {
    try {
      await send(items.slice(from, from + BATCH));
    } catch {
      return items.slice(from);
    }
  }
  return [];
}

/** So near to the start or the end there is nothing to go on from. */
const NEAR_START_MS = 10_000;
const NEAR_END_MS = 15_000;

/** Where to go on: where it was left, unless that is hardly begun or all but over. */
export function resumeAt(left: string | null, durationMs: number): number | null {
  const ms = Number(left ?? NaN);
  return Number.isFinite(ms) && ms > NEAR_START_MS && ms < durationMs - NEAR_END_MS ? ms : null;
}
