import type { LiveState, RoomWord, Tally } from '../api/contract';
import { type Aside, applyWord, EMPTY, isVersioned, parseWord } from './state';

/** A thousand pages hear of the same gap at once: they ask spread over this time. */
const REFETCH_SPREAD_MS = 1_500;
/** Without words for so long (a network that loses our packets, a quiet class) the page asks by itself. */
const QUIET_MS = 45_000;
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
/** Words heard while an answer is under way. More mean that the answer is old anyway. */
const HELD_MAX = 200;

export interface FeedView {
  live: LiveState;
  /** Whether the class has been told at all yet. */
  known: boolean;
  /** The control plane does not answer; what is shown is what was last heard. */
  stale: boolean;
  /** The server's clock minus this machine's. */
  offsetMs: number;
  /** How answers fall, by quiz; told to who teaches. */
  tallies: Readonly<Record<string, Tally>>;
  /** Accounts whose chat is paused, as far as this page has heard. */
  muted: ReadonlySet<string>;
}

export interface FeedOptions {
  fetchLive: () => Promise<LiveState>;
  now?: () => number;
  random?: () => number;
}

/** The class as this page knows it: asked for once, then kept by room words, asked for again where one was missed. */
export class Feed {
  private readonly listeners = new Set<() => void>();
  private readonly now: () => number;
  private readonly random: () => number;
  private current: FeedView = {
    live: EMPTY,
    known: false,
    stale: false,
    offsetMs: 0,
    tallies: {},
    muted: new Set(),
  };
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking = false;
  private again = false;
  private failures = 0;
  private held: RoomWord[] = [];
  private stopped = false;

  constructor(private readonly options: FeedOptions) {
    this.now = options.now ?? Date.now;
    this.random = options.random ?? Math.random;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  view = (): FeedView => this.current;

  /** After joining, and after every return to the room. */
  refresh(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    void this.ask();
  }

  /** Sets a stopped feed going again: a page may be put up, taken down and put up again. */
  start(): void {
    this.stopped = false;
    this.refresh();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** A packet of the class topic. */
  hear(payload: Uint8Array): void {
    const word = parseWord(payload);
    if (!word || this.stopped) return;
    if (isVersioned(word)) this.take(word);
    else this.aside(word);
  }

  /** What this page did itself and need not wait to hear of. */
  change(act: (live: LiveState) => LiveState): void {
    this.set({ live: act(this.current.live) });
  }

  private aside(said: Aside): void {
    const { tallies, muted, live } = this.current;
    switch (said.kind) {
      case 'tally':
        return this.set({ tallies: { ...tallies, [said.quiz]: said.tally } });
      case 'poll-tally':
        return this.set({
          live: { ...live, polls: live.polls.map((poll) => (poll.id === said.poll ? { ...poll, tally: said.tally } : poll)) },
        });
      case 'chat-muted': {
        const next = new Set(muted);
        if (said.muted) next.add(said.account);
        else next.delete(said.account);
        return this.set({ muted: next });
      }
    }
  }

  private take(word: RoomWord): void {
    if (this.asking || !this.current.known) {
      if (this.held.length < HELD_MAX) this.held.push(word);
      else this.again = true;
      return;
    }
    const { live, refetch } = applyWord(this.current.live, word);
    if (live !== this.current.live) this.set({ live });
    if (refetch) this.later(this.random() * REFETCH_SPREAD_MS);
    else this.later(QUIET_MS * (1 + this.random()));
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    if (!this.stopped) this.timer = setTimeout(() => void this.ask(), ms);
  }

  private async ask(): Promise<void> {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    const sent = this.now();
    let answer: LiveState | null = null;
    try {
      answer = await this.options.fetchLive();
    } catch {
      // What is known stays on the page; the retry is below.
    }
    this.asking = false;
    if (this.stopped) return;
    if (answer === null) {
      this.set({ stale: true });
      const wait = RETRIES_MS[Math.min(this.failures++, RETRIES_MS.length - 1)] ?? 0;
      this.again = false;
      this.later(wait * (0.5 + this.random()));
      return;
    }
    this.failures = 0;
    const offsetMs = answer.at_ms - (sent + this.now()) / 2;
    // An answer may be older than the words heard meanwhile: those are applied over it, and never taken back.
    if (!this.current.known || answer.v >= this.current.live.v) this.set({ live: answer, known: true, stale: false, offsetMs });
    else this.set({ stale: false, offsetMs });
    const held = this.held.splice(0);
    this.later(QUIET_MS * (1 + this.random()));
    for (const word of held) this.take(word);
    if (this.again) {
      this.again = false;
      this.later(this.random() * REFETCH_SPREAD_MS);
    }
  }

  private set(change: Partial<FeedView>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener();
  }
}
