import type { Participant, Room, Track, TrackPublication } from 'livekit-client';
import type { EdgeChoice } from '../api/contract';

/**
 * A move to another edge without a gap: a second room is opened there and rehearsed (it receives all that the first one
 * shows, and publishes), then it takes over, then the first one is closed. The edge asks for it before it goes away.
 */

/** Topic of the edge's own words. */
export const MOVE_TOPIC = 'seodang.move';
/** A rehearsal that takes longer goes on with what it has: the old edge does not wait for ever. */
const REHEARSAL_MS = 4_000;
const LOOK_MS = 40;

export type MoveWord = { type: 'move'; token: string; edges: EdgeChoice[] } | { type: 'moved' };

/** The edge's word, `null` for anything else under its topic. */
export function readMoveWord(payload: Uint8Array): MoveWord | null {
  try {
    const word = JSON.parse(new TextDecoder().decode(payload)) as Partial<MoveWord> | null;
    if (word?.type === 'moved') return { type: 'moved' };
    if (word?.type !== 'move' || typeof word.token !== 'string' || !Array.isArray(word.edges)) return null;
    const edges = word.edges.filter((edge) => typeof edge?.id === 'string' && typeof edge.url === 'string');
    return edges.length > 0 ? { type: 'move', token: word.token, edges } : null;
  } catch {
    return null;
  }
}

/** One stream as a room has it. */
export interface Stream {
  sid: string;
  /** Muted or not shown: nothing to wait for. */
  idle: boolean;
  /** Its picture or sound has come. */
  flows: boolean;
}

/** Streams of the first room that the second one does not have yet. */
export function missing(first: readonly Stream[], second: readonly Stream[]): string[] {
  const flowing = new Set(second.filter((stream) => stream.flows).map((stream) => stream.sid));
  return first.filter((stream) => !stream.idle && !flowing.has(stream.sid)).map((stream) => stream.sid);
}

/** Receives in a second room what a first one shows, unseen and unheard. */
export class Rehearsal {
  private readonly box = document.createElement('div');
  private readonly shown = new Map<string, { track: Track; element: HTMLVideoElement }>();

  constructor(
    private readonly first: Room,
    private readonly second: Room,
  ) {
    // Transparent instead of hidden: what is hidden is not sent.
    this.box.style.cssText = 'position:fixed;inset:0 auto auto 0;opacity:0;pointer-events:none;z-index:-1';
    this.box.setAttribute('aria-hidden', 'true');
    document.body.append(this.box);
  }

  /** Resolves when the second room has all of it, or after a few seconds. */
  async ready(): Promise<boolean> {
    const end = performance.now() + REHEARSAL_MS;
    for (;;) {
      if (missing(this.wanted(), await this.present()).length === 0) return true;
      if (performance.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  end(): void {
    for (const { track, element } of this.shown.values()) track.detach(element);
    this.box.remove();
  }

  private wanted(): Stream[] {
    return publications(this.first).map(({ sid, track, muted }) => {
      const isShown = track.kind === 'audio' || track.attachedElements.length > 0;
      return { sid, idle: muted || !isShown, flows: true };
    });
  }

  private async present(): Promise<Stream[]> {
    const sizes = new Map(publications(this.first).map(({ sid, track }) => [sid, largest(track)]));
    return Promise.all(
      publications(this.second).map(async ({ sid, track, muted }) => {
        if (track.kind === 'audio') return { sid, idle: muted, flows: await isReceived(track) };
        const element = this.show(sid, track, sizes.get(sid) ?? [320, 180]);
        return { sid, idle: muted, flows: element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && element.videoWidth > 0 };
      }),
    );
  }

  private show(sid: string, track: Track, [width, height]: [number, number]): HTMLVideoElement {
    const before = this.shown.get(sid);
    if (before?.track === track) return before.element;
    const element = document.createElement('video');
    Object.assign(element, { muted: true, autoplay: true, playsInline: true });
    element.style.cssText = `position:absolute;width:${width}px;height:${height}px`;
    this.box.append(element);
    track.attach(element);
    this.shown.set(sid, { track, element });
    return element;
  }
}

function publications(room: Room): { sid: string; track: Track; muted: boolean }[] {
  const all = Array.from(room.remoteParticipants.values()).flatMap((participant: Participant): TrackPublication[] =>
    Array.from(participant.trackPublications.values()),
  );
  return all.flatMap(({ trackSid, track, isMuted }) => (track ? [{ sid: trackSid, track, muted: isMuted }] : []));
}

/** As large as it is seen, so that the layer is the one that will be needed. */
function largest(track: Track): [number, number] {
  let [width, height] = [16, 9];
  for (const element of track.attachedElements) {
    if (element.clientWidth > width) [width, height] = [element.clientWidth, element.clientHeight];
  }
  return [width, height];
}

async function isReceived(track: Track): Promise<boolean> {
  const report = await track.getRTCStatsReport().catch(() => undefined);
  let packets = 0;
  report?.forEach((entry: Record<string, unknown>) => {
    if (entry.type === 'inbound-rtp' && typeof entry.packetsReceived === 'number') packets += entry.packetsReceived;
  });
  return packets > 0;
}
