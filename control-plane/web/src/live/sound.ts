import type { Room } from 'livekit-client';

/** Plays somebody's sound; the mark is there so that a move can take it away. */
export function play(track: { attach(): HTMLMediaElement }): void {
  const element = track.attach();
  element.dataset.live = '';
  document.body.append(element);
}

/** Plays all sound of a room; that of another one falls silent. */
export function playAll(room: Room): void {
  for (const element of document.querySelectorAll('audio[data-live]')) element.remove();
  for (const participant of room.remoteParticipants.values()) {
    for (const { track } of participant.audioTrackPublications.values()) if (track) play(track);
  }
}
