import { DefaultReconnectPolicy, DisconnectReason, type RoomConnectOptions, RoomEvent, type RoomOptions } from 'livekit-client';
import type { EndReason } from './view';

/** Knocks of the SDK at the same edge before it gives up; then the session moves to another edge. */
const RECONNECT_DELAYS_MS = [0, 300, 700, 1_500, 3_000];

export const CONNECT_OPTIONS: RoomConnectOptions = {
  autoSubscribe: true,
  // Another edge is the retry.
  maxRetries: 0,
  websocketTimeout: 5_000,
  peerConnectionTimeout: 10_000,
};

/** Recorded classes are sent as H264: it is remuxed to HLS that every browser plays. Others as VP8. */
export function roomOptions(recorded: boolean): RoomOptions {
  return {
    adaptiveStream: true,
    dynacast: true,
    // Tracks belong to the page and survive a move to another edge.
    stopLocalTrackOnUnpublish: false,
    disconnectOnPageLeave: true,
    reconnectPolicy: new DefaultReconnectPolicy(RECONNECT_DELAYS_MS),
    publishDefaults: {
      videoCodec: recorded ? 'h264' : 'vp8',
      backupCodec: false,
      simulcast: true,
      dtx: true,
      // Edges do not list audio/red among their codecs: asking for it would only be refused.
      red: false,
    },
  };
}

/** Ends that no other edge would mend. */
export const ENDINGS = new Map<DisconnectReason | undefined, EndReason>([
  [DisconnectReason.CLIENT_INITIATED, 'left'],
  [DisconnectReason.DUPLICATE_IDENTITY, 'duplicate'],
  [DisconnectReason.PARTICIPANT_REMOVED, 'removed'],
  [DisconnectReason.ROOM_DELETED, 'closed'],
  [DisconnectReason.ROOM_CLOSED, 'closed'],
]);

/** Events after which the page may look different. */
export const REFRESHING = [
  RoomEvent.Connected,
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.ParticipantNameChanged,
  RoomEvent.ParticipantMetadataChanged,
  RoomEvent.ParticipantAttributesChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.AudioPlaybackStatusChanged,
  RoomEvent.ParticipantPermissionsChanged,
  RoomEvent.RecordingStatusChanged,
  RoomEvent.Reconnected,
] as const;
