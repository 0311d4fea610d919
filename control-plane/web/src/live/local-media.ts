import {
  createLocalAudioTrack,
  createLocalScreenTracks,
  createLocalVideoTrack,
  LocalAudioTrack,
  type LocalTrack,
  LocalVideoTrack,
  type Room,
  ScreenSharePresets,
  Track,
  VideoPresets,
} from 'livekit-client';

/** What the lobby hands over: open devices, or nothing where the user left them off. */
export interface ChosenMedia {
  microphone: LocalAudioTrack | null;
  camera: LocalVideoTrack | null;
  /** Devices to open later, when one is switched on in class. */
  microphoneId: string | undefined;
  cameraId: string | undefined;
}

export const openMicrophone = (deviceId?: string): Promise<LocalAudioTrack> =>
  createLocalAudioTrack({
    ...(deviceId ? { deviceId } : {}),
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  });

export const openCamera = (deviceId?: string): Promise<LocalVideoTrack> =>
  createLocalVideoTrack({ ...(deviceId ? { deviceId } : {}), resolution: VideoPresets.h720.resolution });

/** By source: second senders of the same devices. */
export type Twins = Map<Track.Source, LocalTrack>;

function twinOf(track: LocalTrack): LocalTrack {
  const Kind = track.kind === Track.Kind.Video ? LocalVideoTrack : LocalAudioTrack;
  return new Kind(track.mediaStreamTrack, track.constraints, track.isUserProvided);
}

/** The user's own tracks. They belong to the page, not to a room: they outlive a move to another edge. */
export class LocalMedia {
  private readonly tracks = new Map<Track.Source, LocalTrack>();
  private room: Room | null = null;

  constructor(
    private readonly chosen: ChosenMedia,
    private readonly onChange: () => void,
  ) {
    if (chosen.microphone) this.keep(Track.Source.Microphone, chosen.microphone);
    if (chosen.camera) this.keep(Track.Source.Camera, chosen.camera);
  }

  /** Publishes what is on, in a room just joined. */
  async publishAll(room: Room): Promise<void> {
    this.room = room;
    await Promise.all(Array.from(this.tracks.values(), (track) => this.publish(track)));
  }

  /** Publishes twins of what is on in a second room; the first one goes on with the originals. */
  async rehearse(room: Room): Promise<Twins> {
    const twins: Twins = new Map();
    for (const [source, track] of this.tracks) {
      if (track.isMuted || track.mediaStreamTrack.readyState !== 'live') continue;
      const twin = twinOf(track);
      twin.source = source;
      twins.set(source, twin);
    }
    const publish = (twin: LocalTrack) => room.localParticipant.publishTrack(twin, { source: twin.source });
    await Promise.all(Array.from(twins.values(), publish));
    return twins;
  }

  /** The second room is the one now; what was muted is published there too. */
  async moveTo(room: Room, twins: Twins): Promise<void> {
    this.room = room;
    const late: Promise<unknown>[] = [];
    for (const [source, track] of this.tracks) {
      const twin = twins.get(source);
      if (twin) {
        this.tracks.set(source, twin);
        if (track.isMuted) late.push(twin.mute());
      } else {
        late.push(this.publish(track));
      }
    }
    for (const [source, twin] of twins) {
      if (!this.tracks.has(source)) late.push(room.localParticipant.unpublishTrack(twin, true) ?? Promise.resolve());
    }
    await Promise.all(late);
  }

  async setMicrophone(on: boolean): Promise<void> {
    await this.set(Track.Source.Microphone, on, () => openMicrophone(this.chosen.microphoneId));
  }

  async setCamera(on: boolean): Promise<void> {
    await this.set(Track.Source.Camera, on, () => openCamera(this.chosen.cameraId));
  }

  /** Screen shares are not muted but ended: the browser then stops its "is being shared" bar. */
  async setScreen(on: boolean): Promise<void> {
    if (!on) {
      await Promise.all([this.drop(Track.Source.ScreenShare), this.drop(Track.Source.ScreenShareAudio)]);
      return;
    }
    const tracks = await createLocalScreenTracks({
      audio: true,
      resolution: ScreenSharePresets.h1080fps15.resolution,
      contentHint: 'detail',
    });
    for (const track of tracks) {
      this.keep(track.source, track);
      // The browser's own "stop sharing" button.
      track.mediaStreamTrack.addEventListener('ended', () => void this.setScreen(false).finally(this.onChange));
    }
    await Promise.all(tracks.map((track) => this.publish(track)));
  }

  /** Releases the devices. */
  stop(): void {
    for (const track of this.tracks.values()) track.stop();
    this.tracks.clear();
    this.room = null;
  }

  private keep(source: Track.Source, track: LocalTrack): void {
    track.source = source;
    this.tracks.set(source, track);
  }

  private async set(source: Track.Source, on: boolean, open: () => Promise<LocalTrack>): Promise<void> {
    const known = this.tracks.get(source);
    // Who was forbidden to speak has been unpublished by the edge; allowed again, it takes more than unmuting.
    const gone = on && known !== undefined && this.room !== null && !this.room.localParticipant.getTrackPublication(source);
    if (known && !gone) {
      await (on ? known.unmute() : known.mute());
    } else if (on) {
      known?.stop();
      const track = await open();
      this.keep(source, track);
      await this.publish(track);
    }
  }

  private async publish(track: LocalTrack): Promise<void> {
    await this.room?.localParticipant.publishTrack(track, { source: track.source });
  }

  private async drop(source: Track.Source): Promise<void> {
    const track = this.tracks.get(source);
    if (!track) return;
    this.tracks.delete(source);
    track.stop();
    await this.room?.localParticipant.unpublishTrack(track, true);
  }
}
