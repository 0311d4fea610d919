import { ApiError } from '../api/client';
import { isPassing, waitBefore } from '../api/retry';

/**
 * What a student hands in (answers, questions, messages) must arrive once, however bad the network: it is written down on
 * this device before it is sent, carries an id of its own, and is sent until the server says that it has it.
 */
export type ParcelKind = 'answer' | 'question' | 'chat';

export interface Parcel {
  /** Made here; the server takes the same id once. */
  id: string;
  kind: ParcelKind;
  account: string;
  class: string;
  /** What it is about: the quiz of an answer. */
  about: string;
  body: unknown;
  /** When it was handed in. */
  at_ms: number;
}

export type ParcelState = 'waiting' | 'arrived' | 'refused';

export interface ParcelView {
  parcel: Parcel;
  state: ParcelState;
  /** Whether it would survive a reload: private windows may forbid storage. */
  saved: boolean;
  tries: number;
  /** Why it was refused, or why it still waits. */
  error: unknown;
  /** What the server answered. */
  result: unknown;
}

/** Where parcels are written down; one entry each, so that two tabs do not overwrite one another. */
export interface Shelf {
  all(): Parcel[];
  keep(parcel: Parcel): boolean;
  drop(id: string): void;
}

export interface OutboxOptions {
  account: string;
  shelf: Shelf;
  send: (parcel: Parcel) => Promise<unknown>;
  now?: () => number;
  random?: () => number;
}

/** More than anybody hands in during an outage; the oldest message is given up then, never an answer. */
const PARCELS_MAX = 60;
/** Arrived and refused parcels the page still tells of. */
const TOLD_MAX = 60;
/** How long a parcel is worth sending: a greeting is worth nothing an hour later. */
const WORTH_MS: Record<ParcelKind, number> = { answer: 24 * 3_600_000, question: 3_600_000, chat: 300_000 };
/** What decides about a result goes first. */
const RANK: Record<ParcelKind, number> = { answer: 0, question: 1, chat: 2 };

export class Outbox {
  private readonly listeners = new Set<() => void>();
  private readonly now: () => number;
  private readonly random: () => number;
  private current: readonly ParcelView[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private rounds = 0;
  private sending = false;
  /** Something came while a round was under way: the next one follows at once. */
  private urgent = false;
  private stopped = true;

  constructor(private readonly options: OutboxOptions) {
    this.now = options.now ?? Date.now;
    this.random = options.random ?? Math.random;
    this.current = this.onShelf();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  view = (): readonly ParcelView[] => this.current;

  /** Also takes in what another tab has written down since and may not have sent before it was closed. */
  start(): void {
    const known = new Set(this.current.map(({ parcel }) => parcel.id));
    const found = this.onShelf().filter(({ parcel }) => !known.has(parcel.id));
    if (found.length > 0) this.set([...this.current, ...found]);
    this.stopped = false;
    this.hurry();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Hands something in. It is written down before this returns. */
  put(parcel: Omit<Parcel, 'account'>): void {
    const whole: Parcel = { ...parcel, account: this.options.account };
    const saved = this.options.shelf.keep(whole);
    this.set([...this.current.filter((known) => known.parcel.id !== whole.id), waiting(whole, saved)]);
    this.makeRoom();
    this.hurry();
  }

  /** The network is back, or the user presses "send again". */
  hurry(): void {
    this.rounds = 0;
    clearTimeout(this.timer);
    this.urgent = this.sending;
    if (!this.stopped && !this.sending) void this.round();
  }

  /** A refused parcel is tried once more, an unwanted one is let go. */
  again(id: string): void {
    const known = this.current.find((entry) => entry.parcel.id === id);
    if (known) this.put({ ...known.parcel, at_ms: this.now() });
  }

  drop(id: string): void {
    this.options.shelf.drop(id);
    this.set(this.current.filter((entry) => entry.parcel.id !== id));
  }

  private onShelf(): ParcelView[] {
    const { account, shelf } = this.options;
    const all = shelf.all();
    // Of somebody who has not come back in time: nothing will send it, and it is nobody else's.
    for (const parcel of all) {
      if (parcel.account !== account && this.now() - parcel.at_ms > WORTH_MS[parcel.kind]) shelf.drop(parcel.id);
    }
    return all.filter((parcel) => parcel.account === account).map((parcel) => waiting(parcel, true));
  }

  private async round(): Promise<void> {
    this.sending = true;
    let askedMs = 0;
    for (const { parcel } of this.due()) {
      if (this.stopped) break;
      const failure = await this.attempt(parcel);
      if (failure === null) continue;
      askedMs = Math.max(askedMs, failure instanceof ApiError ? failure.retryAfterMs : 0);
      // Nobody answers at all: the others need not try as well.
      if (failure instanceof ApiError && failure.code === 'unreachable') break;
    }
    this.sending = false;
    if (this.stopped || this.due().length === 0) return;
    clearTimeout(this.timer);
    const wait = this.urgent ? 0 : waitBefore(++this.rounds, this.random());
    this.urgent = false;
    this.timer = setTimeout(() => void this.round(), Math.max(askedMs, wait));
  }

  private due(): ParcelView[] {
    return this.current
      .filter((entry) => entry.state === 'waiting')
      .sort((a, b) => RANK[a.parcel.kind] - RANK[b.parcel.kind] || a.parcel.at_ms - b.parcel.at_ms);
  }

  /** Sends one parcel; the failure if it has to be sent again. */
  private async attempt(parcel: Parcel): Promise<unknown> {
    if (this.now() - parcel.at_ms > WORTH_MS[parcel.kind]) {
      this.settle(parcel.id, { state: 'refused', error: new ApiError('too_late', 'not sent in time') });
      return null;
    }
    try {
      const result = await this.options.send(parcel);
      this.settle(parcel.id, { state: 'arrived', result, error: null });
      return null;
    } catch (error) {
      // Signed out meanwhile: signing in again mends it, and what was handed in must not be lost for it.
      const kept = isPassing(error) || (error instanceof ApiError && (error.status === 401 || error.code === 'csrf'));
      if (kept) this.change(parcel.id, (entry) => ({ ...entry, error, tries: entry.tries + 1 }));
      else this.settle(parcel.id, { state: 'refused', error });
      return kept ? error : null;
    }
  }

  private settle(id: string, outcome: Partial<ParcelView>): void {
    this.options.shelf.drop(id);
    this.change(id, (entry) => ({ ...entry, ...outcome }));
    const told = this.current.filter((entry) => entry.state !== 'waiting');
    const tooMany = new Set(told.slice(0, Math.max(0, told.length - TOLD_MAX)));
    if (tooMany.size > 0) this.set(this.current.filter((entry) => !tooMany.has(entry)));
  }

  private makeRoom(): void {
    const due = this.due();
    if (due.length <= PARCELS_MAX) return;
    const least = due.filter((entry) => entry.parcel.kind !== 'answer').sort((a, b) => a.parcel.at_ms - b.parcel.at_ms)[0];
    if (least) this.settle(least.parcel.id, { state: 'refused', error: new ApiError('too_late', 'the outbox is full') });
  }

  private change(id: string, act: (entry: ParcelView) => ParcelView): void {
    this.set(this.current.map((entry) => (entry.parcel.id === id ? act(entry) : entry)));
  }

  private set(next: readonly ParcelView[]): void {
    this.current = next;
    for (const listener of this.listeners) listener();
  }
}

function waiting(parcel: Parcel, saved: boolean): ParcelView {
  return { parcel, state: 'waiting', saved, tries: 0, error: null, result: undefined };
}
