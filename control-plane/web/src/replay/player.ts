import Hls, { ErrorTypes, Events } from 'hls.js';
import type { Presentation } from '../api/contract';

/** Recoveries of a broken decoder before the entry is given up. */
const MEDIA_RECOVERIES_MAX = 2;
/** A follower that has just jumped needs time to fill its buffer before it is judged again. */
const SETTLE_MS = 1_000;
/** Nearer than this to where it was sent, a player has arrived; a nudge over a small hole is no failure. */
const ARRIVAL_MS = 500;
/** A jump that took longer than this says nothing about the next one. */
const JUMP_COST_MAX_MS = 2_000;
/** HTMLMediaElement.readyState: the next frame is there. */
const HAVE_FUTURE_DATA = 3;

export type PlayerFailure = 'network' | 'media';

/** One entry of the manifest in one media element. Positions are class milliseconds. */
export class Player {
  readonly element: HTMLMediaElement;
  failure: PlayerFailure | null = null;
  private hls: Hls | null = null;
  private recoveries = 0;
  /** Where it was sent last, and whether it is there. Until then its position means nothing. */
  private aimMs: number;
  private arrived = false;
  private sentAt = performance.now();
  private settledAt = 0;
  /** How long the last jump took: the next one aims that much ahead. */
  private jumpCostMs = 0;

  constructor(
    readonly entry: Presentation,
    url: string,
    atMs: number,
    private readonly onFailure: (player: Player, failure: PlayerFailure) => void,
    private readonly onChange: () => void,
  ) {
    this.element = document.createElement(entry.has_video ? 'video' : 'audio');
    this.element.preload = 'auto';
    if (this.element instanceof HTMLVideoElement) this.element.playsInline = true;
    this.element.setAttribute('aria-label', entry.name || entry.identity);
    for (const event of ['loadedmetadata', 'waiting', 'playing', 'ended', 'seeked'])
      this.element.addEventListener(event, this.onChange);
    this.aimMs = Math.max(entry.start_ms, atMs);
    const startS = (this.aimMs - entry.start_ms) / 1000;
    if (entry.container === 'cmaf' && Hls.isSupported()) this.loadHls(url, startS);
    else this.loadPlain(url, startS);
  }

  /** Whether it stands where it was sent, with its metadata read. */
  get ready(): boolean {
    return this.failure === null && this.arrived;
  }

  /** Cannot go on right now, but may. */
  get stalled(): boolean {
    return this.failure === null && !this.element.ended && (this.element.seeking || this.element.readyState < HAVE_FUTURE_DATA);
  }

  get ended(): boolean {
    return this.element.ended;
  }

  position(): number {
    return this.entry.start_ms + this.element.currentTime * 1000;
  }

  /** Sends it to a class time. `running`: the clock goes on meanwhile, so aim at where it will be. */
  seek(atMs: number, running: boolean): void {
    this.aimMs = Math.max(this.entry.start_ms, atMs + (running ? this.jumpCostMs * this.element.playbackRate : 0));
    this.arrived = false;
    this.sentAt = performance.now();
    if (this.element.readyState >= HTMLMediaElement.HAVE_METADATA) this.element.currentTime = this.aimS();
  }

  /** Looks whether it has arrived, and sends it again where something else (hls.js at its start) moved it. */
  arrive(): void {
    const { element } = this;
    if (this.arrived || element.readyState < HTMLMediaElement.HAVE_METADATA || element.seeking) return;
    if (!element.ended && Math.abs(this.position() - this.aimMs) > ARRIVAL_MS) {
      element.currentTime = this.aimS();
      return;
    }
    const now = performance.now();
    this.arrived = true;
    this.jumpCostMs = Math.min(JUMP_COST_MAX_MS, now - this.sentAt);
    this.settledAt = now + SETTLE_MS;
  }

  /** Whether a drift seen now means something. */
  get settled(): boolean {
    return this.ready && performance.now() >= this.settledAt;
  }

  private aimS(): number {
    return (this.aimMs - this.entry.start_ms) / 1000;
  }

  setRate(rate: number): void {
    if (this.element.playbackRate !== rate) this.element.playbackRate = rate;
  }

  /** Rejects when the browser wants a click first. */
  async play(): Promise<void> {
    if (this.element.paused && !this.element.ended) await this.element.play();
  }

  pause(): void {
    if (!this.element.paused) this.element.pause();
  }

  destroy(): void {
    this.hls?.destroy();
    this.element.pause();
    this.element.removeAttribute('src');
    this.element.load();
  }

  private loadHls(url: string, startS: number): void {
    const hls = new Hls({
      startPosition: startS,
      // Segments are passed through, not remuxed: a worker would only need a laxer Content-Security-Policy.
      enableWorker: false,
      capLevelToPlayerSize: true,
      maxBufferLength: 20,
      maxMaxBufferLength: 40,
      backBufferLength: 30,
    });
    this.hls = hls;
    hls.on(Events.ERROR, (_event, data) => {
      if (!data.fatal) return;
      if (data.type === ErrorTypes.MEDIA_ERROR && this.recoveries++ < MEDIA_RECOVERIES_MAX) hls.recoverMediaError();
      else this.fail(data.type === ErrorTypes.NETWORK_ERROR ? 'network' : 'media');
    });
    hls.loadSource(url);
    hls.attachMedia(this.element);
  }

  private loadPlain(url: string, startS: number): void {
    this.element.addEventListener('error', () => {
      this.fail(this.element.error?.code === MediaError.MEDIA_ERR_NETWORK ? 'network' : 'media');
    });
    this.element.src = startS > 0 ? `${url}#t=${startS.toFixed(3)}` : url;
  }

  private fail(failure: PlayerFailure): void {
    this.failure = failure;
    this.onFailure(this, failure);
  }
}
