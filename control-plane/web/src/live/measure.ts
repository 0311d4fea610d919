import type { Participant, Room, Track } from 'livekit-client';
import type { Measure } from './view';

interface Counters {
  received: number;
  lost: number;
}

/** Reads the browser's own counters; each call reports what happened since the one before. */
export class Meter {
  private before: Counters | null = null;

  async read(room: Room): Promise<Pick<Measure, 'rttMs' | 'loss'>> {
    const now: Counters = { received: 0, lost: 0 };
    let rttMs: number | null = null;
    for (const report of await reports(room)) {
      report.forEach((entry: Record<string, unknown>) => {
        if (entry.type === 'inbound-rtp') {
          now.received += number(entry.packetsReceived);
          now.lost += number(entry.packetsLost);
        } else if (
          entry.type === 'candidate-pair' &&
          entry.nominated === true &&
          typeof entry.currentRoundTripTime === 'number'
        ) {
          rttMs = entry.currentRoundTripTime * 1000;
        }
      });
    }
    const before = this.before;
    this.before = now;
    if (!before) return { rttMs, loss: null };
    return { rttMs, loss: lossBetween(before, now) };
  }
}

/** Bytes that came from the edge so far, of whatever sort; `null` while nothing is sent or received. */
export async function bytesReceived(room: Room): Promise<number | null> {
  let bytes: number | null = null;
  const [track] = tracksOf(room);
  const report = await track?.getRTCStatsReport().catch(() => undefined);
  report?.forEach((entry: Record<string, unknown>) => {
    if (entry.type === 'transport') bytes = (bytes ?? 0) + number(entry.bytesReceived);
  });
  return bytes;
}

/** Share lost since the last reading. Counters start over when a track goes away: such an interval says nothing. */
export function lossBetween(before: Counters, now: Counters): number | null {
  const received = now.received - before.received;
  const lost = Math.max(0, now.lost - before.lost);
  if (received < 0 || received + lost === 0) return null;
  return lost / (received + lost);
}

function tracksOf(room: Room): Track[] {
  const participants: Participant[] = [room.localParticipant, ...room.remoteParticipants.values()];
  return participants
    .flatMap((participant) => Array.from(participant.trackPublications.values(), (publication) => publication.track))
    .filter((track): track is Track => track !== undefined);
}

async function reports(room: Room): Promise<RTCStatsReport[]> {
  const found = await Promise.all(tracksOf(room).map((track) => track.getRTCStatsReport().catch(() => undefined)));
  return found.filter((report): report is RTCStatsReport => report !== undefined);
}

export interface TrackStats {
  identity: string;
  source: string;
  kind: 'video' | 'audio';
  /** Received or sent. */
  direction: 'in' | 'out';
  bytes: number;
  packets: number;
  packets_lost: number;
  width?: number;
  height?: number;
  frames_decoded?: number;
  frames_dropped?: number;
  key_frames?: number;
  freezes?: number;
  total_audio_energy?: number;
  rid?: string;
  codec?: string;
}

/** Every RTP stream of the room in plain numbers, for browser tests. */
export async function trackStats(room: Room): Promise<TrackStats[]> {
  const all: TrackStats[] = [];
  for (const participant of [room.localParticipant, ...room.remoteParticipants.values()]) {
    for (const publication of participant.trackPublications.values()) {
      const report = await publication.track?.getRTCStatsReport().catch(() => undefined);
      if (!report) continue;
      const codecs = new Map<string, string>();
      report.forEach((entry: Record<string, unknown>) => {
        if (entry.type === 'codec') codecs.set(String(entry.id), String(entry.mimeType));
      });
      report.forEach((entry: Record<string, unknown>) => {
        if (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') return;
        all.push(streamStats(participant.identity, publication.source, entry, codecs));
      });
    }
  }
  return all;
}

function streamStats(identity: string, source: string, entry: Record<string, unknown>, codecs: Map<string, string>): TrackStats {
  const inbound = entry.type === 'inbound-rtp';
  const stats: TrackStats = {
    identity,
    source,
    kind: entry.kind === 'audio' ? 'audio' : 'video',
    direction: inbound ? 'in' : 'out',
    bytes: number(inbound ? entry.bytesReceived : entry.bytesSent),
    packets: number(inbound ? entry.packetsReceived : entry.packetsSent),
    packets_lost: number(entry.packetsLost),
    codec: codecs.get(String(entry.codecId)) ?? '',
  };
  if (typeof entry.rid === 'string') stats.rid = entry.rid;
  if (stats.kind === 'audio') return { ...stats, total_audio_energy: number(entry.totalAudioEnergy) };
  return {
    ...stats,
    width: number(entry.frameWidth),
    height: number(entry.frameHeight),
    frames_decoded: number(inbound ? entry.framesDecoded : entry.framesEncoded),
    frames_dropped: number(entry.framesDropped),
    key_frames: number(inbound ? entry.keyFramesDecoded : entry.keyFramesEncoded),
    freezes: number(entry.freezeCount),
  };
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
