import type { Manifest } from '../api/contract';
import { correct, endOf, firstMoment, gapEnd, isActive, pickMaster } from './clock';
import { Player, type PlayerFailure } from './player';
import { type PresentationStats, type ReplayView, statsOf } from './view';

/** How often clock and followers are looked at. */
const TICK_MS = 100;
/** Entries this close ahead are loaded, so that they start on time; those this far behind are let go. */
const AHEAD_MS = 10_000;
const BEHIND_MS = 5_000;
/** Starting an element takes about as long as a tick comes late: so much earlier an entry is begun. */
const LEAD_MS = 100;
/** The clock waits this long for somebody to be ready, then goes on without. */
const PATIENCE_MS = 12_000;

/**
 * Plays a class of many media on one clock. The master's element is the clock while there is one; in between the clock
 * runs on its own. Every tick decides who is loaded, who is active, who leads, and pulls the followers along.
 */
export class Engine {
  private readonly listeners = new Set<() => void>();
  private readonly players = new Map<string, Player>();
  private manifest: Manifest;
  private master: string | null = null;
  /** Class time at `asOf`; between ticks it is read from the master. */
  private time: number;
  private asOf = performance.now();
  private waitingSince: number | null = null;
  private playing = false;
  private blocked = false;
  private rate = 1;
  private volume = 1;
  private muted = false;
  private readonly timer: ReturnType<typeof setInterval>;
  private current: ReplayView;

  constructor(
    manifest: Manifest,
    private base: string,
    startMs: number | null,
    private readonly onNetworkFailure: () => void,
  ) {
    this.manifest = manifest;
    this.time = clamp(startMs ?? firstMoment(manifest.presentations), 0, manifest.duration_ms);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.load();
    this.current = this.draw(false);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  view = (): ReplayView => this.current;

  /** A newer state of the same recording: entries grow and come while the class runs. */
  update(manifest: Manifest): void {
    this.manifest = manifest;
    this.tick();
  }

  /** Another cdn node: what is loaded is loaded anew from there. */
  setBase(base: string): void {
    this.time = this.now();
    this.base = base;
    for (const player of this.players.values()) player.destroy();
    this.players.clear();
    this.tick();
  }

  play(): void {
    if (this.atEnd(this.now())) this.seek(firstMoment(this.manifest.presentations));
    this.time = this.now();
    this.asOf = performance.now();
    this.playing = true;
    this.blocked = false;
    this.tick();
  }

  pause(): void {
    this.time = this.now();
    this.playing = false;
    this.tick();
  }

  seek(atMs: number): void {
    this.time = clamp(atMs, 0, this.manifest.duration_ms);
    this.asOf = performance.now();
    this.waitingSince = null;
    for (const player of this.players.values()) if (this.isActive(player)) player.seek(this.time, false);
    this.tick();
  }

  setRate(rate: number): void {
    this.time = this.now();
    this.asOf = performance.now();
    this.rate = rate;
    this.tick();
  }

  setVolume(volume: number, muted: boolean): void {
    this.volume = volume;
    this.muted = muted;
    this.tick();
  }

  /** Class time now. */
  now(): number {
    const master = this.leading();
    if (master) return master.position();
    const since = this.playing && this.waitingSince === null ? (performance.now() - this.asOf) * this.rate : 0;
    return Math.min(this.time + since, this.manifest.duration_ms);
  }

  stats(): PresentationStats[] {
    const now = this.now();
    return Array.from(this.players.values(), (player) =>
      statsOf(player, this.isActive(player), player.entry.id === this.master, now),
    );
  }

  destroy(): void {
    clearInterval(this.timer);
    for (const player of this.players.values()) player.destroy();
    this.players.clear();
    this.listeners.clear();
  }

  private tick(): void {
    const at = performance.now();
    for (const player of this.players.values()) player.arrive();
    this.time = this.now();
    this.asOf = at;
    this.load();
    if (this.playing && this.atEnd(this.time)) this.playing = false;
    const active = [...this.players.values()].filter((player) => this.isActive(player) && player.failure === null);
    const able = active.filter((player) => player.ready && !player.ended);
    this.master =
      pickMaster(
        able.map((player) => player.entry),
        this.master,
      )?.id ?? null;
    const master = this.leading();
    const buffering = this.wait(at, master, active);
    if (master) this.lead(master);
    for (const player of active) if (player !== master) this.follow(player, buffering);
    for (const player of this.players.values()) if (!active.includes(player)) player.pause();
    for (const player of this.players.values()) {
      player.element.volume = this.volume;
      player.element.muted = this.muted;
    }
    this.current = this.draw(buffering);
    for (const listener of this.listeners) listener();
  }

  /** Whether the clock stands still because media is missing. Without a master it stands until somebody is ready. */
  private wait(at: number, master: Player | null, active: readonly Player[]): boolean {
    const live = this.manifest.state === 'live' && this.time >= this.manifest.duration_ms;
    const missing = master ? master.stalled : live || active.some((player) => !player.ready);
    if (!missing) {
      this.waitingSince = null;
      return false;
    }
    this.waitingSince ??= at;
    if (!master && !live && at - this.waitingSince > PATIENCE_MS) this.waitingSince = null;
    return this.playing;
  }

  private lead(master: Player): void {
    master.setRate(this.rate);
    if (!this.playing) {
      master.pause();
      return;
    }
    this.start(master);
    // A hole in the recording: nothing will ever come, so go to its end.
    const over = master.stalled ? gapEnd(master.entry, this.time) : null;
    if (over !== null && over > this.time && master.settled) this.seek(over);
  }

  private follow(player: Player, buffering: boolean): void {
    // One that has come to its end stays there: its media are a little shorter than its entry.
    if (!player.ready || (player.ended && player.position() <= this.time)) return;
    const drift = player.position() - this.time;
    if (!this.playing || buffering) {
      player.pause();
      if (Math.abs(drift) > 40 && player.settled) player.seek(this.time, false);
      return;
    }
    this.start(player);
    if (!player.settled) return;
    const correction = correct(drift, this.rate);
    if (correction.seek) player.seek(this.time, true);
    else player.setRate(correction.rate);
  }

  private start(player: Player): void {
    player.play().catch((error: unknown) => {
      // `AbortError` only says that a pause came in between.
      if (error instanceof DOMException && error.name === 'NotAllowedError') {
        this.blocked = true;
        this.pause();
      }
    });
  }

  /** Loads what is or will soon be active, lets go of the rest. */
  private load(): void {
    const { presentations } = this.manifest;
    const near = presentations.filter(
      (entry) => entry.start_ms - AHEAD_MS <= this.time && this.time < endOf(entry, this.manifest) + BEHIND_MS,
    );
    for (const [id, player] of this.players) {
      if (near.some((entry) => entry.id === id)) continue;
      player.destroy();
      this.players.delete(id);
    }
    for (const entry of near) {
      if (this.players.has(entry.id)) continue;
      this.players.set(
        entry.id,
        new Player(
          entry,
          new URL(entry.path, this.base).href,
          this.time,
          (_player, failure) => this.failed(failure),
          () => this.tick(),
        ),
      );
    }
  }

  private failed(failure: PlayerFailure): void {
    if (failure === 'network') this.onNetworkFailure();
    this.tick();
  }

  private leading(): Player | null {
    const player = this.master === null ? undefined : this.players.get(this.master);
    return player && player.ready && !player.ended && this.isActive(player) ? player : null;
  }

  /** By the entry's newest state: its end grows while the class runs. */
  private isActive(player: Player): boolean {
    const entry = this.manifest.presentations.find(({ id }) => id === player.entry.id);
    if (entry === undefined) return false;
    const beginning = this.playing && entry.start_ms - LEAD_MS <= this.time && this.time < entry.start_ms;
    return beginning || isActive(entry, this.manifest, this.time);
  }

  private atEnd(time: number): boolean {
    return this.manifest.state !== 'live' && time >= this.manifest.duration_ms - 1;
  }

  private draw(buffering: boolean): ReplayView {
    return {
      timeMs: this.time,
      durationMs: this.manifest.duration_ms,
      playing: this.playing,
      buffering,
      blocked: this.blocked,
      ended: this.atEnd(this.time),
      rate: this.rate,
      volume: this.volume,
      muted: this.muted,
      players: this.manifest.presentations.flatMap((entry) => {
        const player = this.players.get(entry.id);
        if (!player) return [];
        return [
          {
            entry,
            element: player.element,
            active: this.isActive(player) && !player.ended,
            master: this.master === entry.id,
            failed: player.failure !== null,
          },
        ];
      }),
    };
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
