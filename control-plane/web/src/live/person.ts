import { ConnectionQuality, type Participant, type Room, Track } from 'livekit-client';
import type { ClassRole } from '../api/contract';
import type { Person, Picture, Quality } from './view';

const QUALITY: Record<ConnectionQuality, Quality> = {
  [ConnectionQuality.Excellent]: 'excellent',
  [ConnectionQuality.Good]: 'good',
  [ConnectionQuality.Poor]: 'poor',
  [ConnectionQuality.Lost]: 'lost',
  [ConnectionQuality.Unknown]: 'unknown',
};

const pictures = new WeakMap<Track, Picture>();

/** One picture per track, so that a tile does not attach anew at every change of the room. */
function pictureOf(track: Track): Picture {
  let picture = pictures.get(track);
  if (!picture) {
    picture = {
      id: track.mediaStreamTrack.id,
      attach: (element) => void track.attach(element),
      detach: (element) => void track.detach(element),
    };
    pictures.set(track, picture);
  }
  return picture;
}

function shown(participant: Participant, source: Track.Source): Picture | null {
  const publication = participant.getTrackPublication(source);
  if (!publication?.track || publication.isMuted) return null;
  return pictureOf(publication.track);
}

function roleOf(participant: Participant): ClassRole | null {
  const role = participant.attributes.role;
  return role === 'instructor' || role === 'student' || role === 'observer' ? role : null;
}

function toPerson(participant: Participant): Person {
  const microphone = participant.getTrackPublication(Track.Source.Microphone);
  const hand = Number(participant.attributes.hand ?? 0);
  return {
    identity: participant.identity,
    name: participant.name || participant.identity,
    local: participant.isLocal,
    role: roleOf(participant),
    region: participant.attributes.region || null,
    edge: participant.attributes.edge || null,
    handAt: Number.isFinite(hand) ? hand : 0,
    micOpen: microphone !== undefined && !microphone.isMuted,
    camera: shown(participant, Track.Source.Camera),
    screen: shown(participant, Track.Source.ScreenShare),
    ...maySend(participant.permissions),
    speaking: participant.isSpeaking,
    spokeAt: participant.lastSpokeAt?.getTime() ?? 0,
    quality: QUALITY[participant.connectionQuality],
  };
}

export function peopleOf(room: Room): Person[] {
  return [toPerson(room.localParticipant), ...Array.from(room.remoteParticipants.values(), toPerson)];
}

/** TrackSource of the signalling protocol. */
const MICROPHONE = 2;
const SCREEN_SHARE = 3;

/** What a participant may send; no list of sources means all of them. */
export function maySend(may: { canPublish: boolean; canPublishSources: readonly number[] } | undefined) {
  const sources = may?.canPublishSources ?? [];
  const allowed = (source: number) => may?.canPublish !== false && (sources.length === 0 || sources.includes(source));
  return { canSpeak: allowed(MICROPHONE), canShare: allowed(SCREEN_SHARE) };
}
