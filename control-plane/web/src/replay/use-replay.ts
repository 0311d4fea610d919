import { useEffect, useState } from 'react';
import { ApiError } from '../api/client';
import type { CdnChoice, Manifest, Region, TimelineEvent } from '../api/contract';
import { recall } from '../storage';
import type { Engine } from './engine';
import { resumeAt } from './watched';
import { fetchManifest, fetchTimeline, findReplay, firstManifest, manifestUrl, type Replay } from './source';

/** A growing recording is asked for news this often. */
const LIVE_REFRESH_MS = 2_000;
/** Turns around the nodes before playback is given up. */
const NODE_FAILURES_MAX = 6;

/** Where a recording was left, by its room. */
export const resumeKey = (roomSid: string): string => `resume.${roomSid}`;

export interface ReplayState {
  replay: Replay | null;
  engine: Engine | null;
  manifest: Manifest | null;
  node: CdnChoice | null;
  /** The recording's own. */
  events: TimelineEvent[];
  /** Where an earlier visit was gone on from. */
  resumedMs: number | null;
  error: unknown;
  retry: () => void;
}

type Loaded = Omit<ReplayState, 'retry'>;
const NOTHING: Loaded = { replay: null, engine: null, manifest: null, node: null, events: [], resumedMs: null, error: null };

/** Finds the recording and the nearest node that has it, and keeps it fresh while the class runs. */
export function useReplay(id: string, region: Region | null | undefined): ReplayState {
  const [state, setState] = useState<Loaded>(NOTHING);
  const [round, setRound] = useState(0);

  useEffect(() => {
    // `undefined`: the settings are not here yet, so the place is not known.
    if (region === undefined) return undefined;
    setState(NOTHING);
    const loader = new Loader(id, region, (change) => setState((old) => ({ ...old, ...change })));
    return () => loader.stop();
  }, [id, region, round]);

  return { ...state, retry: () => setRound((count) => count + 1) };
}

class Loader {
  private stopped = false;
  private replay: Replay | null = null;
  private engine: Engine | null = null;
  private manifest: Manifest | null = null;
  private node = 0;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly id: string,
    region: Region | null,
    private readonly tell: (change: Partial<Loaded>) => void,
  ) {
    void this.start(region).catch((error: unknown) => this.say({ error }));
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.engine?.destroy();
  }

  private say(change: Partial<Loaded>): void {
    if (!this.stopped) this.tell(change);
  }

  private async start(region: Region | null): Promise<void> {
    const query = new URLSearchParams(location.search);
    // The player is large: it comes while the recording is looked for.
    const player = import('./engine');
    player.catch(() => undefined);
    this.replay = await findReplay(this.id, region, query.get('manifest'), query.get('room_sid'));
    const { manifest, node } = await firstManifest(this.replay, 0);
    if (this.stopped) return;
    const asked = Number(query.get('t') ?? NaN);
    const left = resumeAt(recall(resumeKey(manifest.room_sid)), manifest.duration_ms);
    const startMs = Number.isFinite(asked) ? asked * 1000 : left;
    this.node = node;
    this.manifest = manifest;
    const { Engine } = await player.catch((cause: unknown) => {
      throw new ApiError('unreachable', String(cause));
    });
    if (this.stopped) return;
    this.engine = new Engine(manifest, this.url(), startMs, () => void this.nextNode());
    this.expose(this.engine);
    this.say({
      replay: this.replay,
      engine: this.engine,
      manifest,
      node: this.choice(),
      resumedMs: startMs === left ? left : null,
      error: null,
    });
    await this.readTimeline();
    this.watch();
  }

  private choice(): CdnChoice | null {
    return this.replay?.nodes[this.node] ?? null;
  }

  private url(): string {
    const node = this.choice();
    return node && this.replay ? manifestUrl(node, this.replay.path) : '';
  }

  private async readTimeline(): Promise<void> {
    const { manifest } = this;
    if (!manifest) return;
    this.say({ events: await fetchTimeline(manifest, this.url()) });
  }

  private watch(): void {
    if (this.stopped || this.manifest?.state !== 'live') return;
    this.timer = setTimeout(() => {
      void this.refresh()
        .catch(() => undefined)
        .then(() => this.watch());
    }, LIVE_REFRESH_MS);
  }

  private async refresh(): Promise<void> {
    const manifest = await fetchManifest(this.url());
    if (this.stopped) return;
    this.manifest = manifest;
    this.engine?.update(manifest);
    this.say({ manifest });
    await this.readTimeline();
  }

  /** The node has stopped answering in the middle: go on from the next one. */
  private async nextNode(): Promise<void> {
    const { replay, engine } = this;
    if (!replay || !engine || this.stopped) return;
    if (++this.failures > NODE_FAILURES_MAX) {
      this.say({ error: new ApiError('cdn_failed', 'no node answers') });
      return;
    }
    try {
      const { node } = await firstManifest(replay, this.node + 1);
      if (this.stopped) return;
      this.node = node;
      engine.setBase(this.url());
      this.say({ node: this.choice() });
    } catch (error) {
      this.say({ error });
    }
  }

  /** A handle for browser tests. */
  private expose(engine: Engine): void {
    const loader = this;
    Object.assign(window, {
      __replay: {
        get manifest() {
          return loader.manifest;
        },
        get node() {
          return loader.choice()?.id ?? null;
        },
        engine,
        time: () => engine.now(),
        drift_ms: () =>
          Math.max(
            0,
            ...engine
              .stats()
              .filter((entry) => entry.active)
              .map((entry) => Math.abs(entry.drift_ms)),
          ),
        presentations: () => engine.stats(),
      },
    });
  }
}
