import type { Presentation } from '../api/contract';
import type { Player } from './player';

/** What the replay page shows, and what tests measure. */

export interface PlayerView {
  entry: Presentation;
  element: HTMLMediaElement;
  active: boolean;
  master: boolean;
  failed: boolean;
}

export interface ReplayView {
  timeMs: number;
  durationMs: number;
  playing: boolean;
  buffering: boolean;
  /** The browser refused to start without a click. */
  blocked: boolean;
  ended: boolean;
  rate: number;
  volume: number;
  muted: boolean;
  players: readonly PlayerView[];
}

export interface PresentationStats {
  id: string;
  identity: string;
  source: string;
  active: boolean;
  master: boolean;
  /** Position minus class clock; the master's is 0. */
  drift_ms: number;
  position_ms: number;
  paused: boolean;
  ready_state: number;
  width: number;
  height: number;
  frames: number;
  frames_dropped: number;
  failed: string | null;
}

export function statsOf(player: Player, active: boolean, master: boolean, now: number): PresentationStats {
  const { entry, element } = player;
  const video = element instanceof HTMLVideoElement ? element : null;
  const quality = video?.getVideoPlaybackQuality();
  return {
    id: entry.id,
    identity: entry.identity,
    source: entry.source,
    active,
    master,
    drift_ms: active && !player.ended ? player.position() - now : 0,
    position_ms: player.position(),
    paused: element.paused,
    ready_state: element.readyState,
    width: video?.videoWidth ?? 0,
    height: video?.videoHeight ?? 0,
    frames: quality?.totalVideoFrames ?? 0,
    frames_dropped: quality?.droppedVideoFrames ?? 0,
    failed: player.failure,
  };
}
