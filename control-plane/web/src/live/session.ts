import { DisconnectReason, Room, RoomEvent } from 'livekit-client';
import { ApiError } from '../api/client';
import type { EdgeChoice, JoinRequest } from '../api/contract';
import { randomId } from '../storage';
import { isGivenUp, signalUrl } from './edges';
import { MOVE_TOPIC, readMoveWord } from './handover';
import { Lifeline } from './lifeline';
import { type ChosenMedia, LocalMedia, type Twins } from './local-media';
import { bytesReceived, Meter, trackStats } from './measure';
import { Mover } from './mover';
import { maySend, peopleOf } from './person';
import { CONNECT_OPTIONS, ENDINGS, REFRESHING, roomOptions } from './room-options';
import { play, playAll } from './sound';
import { Tickets } from './tickets';
import type { ChatMessage, EndReason, LiveSession, LiveView, Packet, Phase } from './view';

export interface SessionOptions {
  request: JoinRequest;
  /** The position was chosen by hand (development): its distance counts, not this machine's round trip. */
  declared: boolean;
  media: ChosenMedia;
}

/** LiveKit components' topic: what other clients of the same room say is shown, too. */
const CHAT_TOPIC = 'lk.chat';
const CHAT_LENGTH_MAX = 4_000;
/** Older messages leave the list: a day-long class must not fill the memory of a phone. */
const CHAT_KEPT = 500;
const MEASURE_MS = 2_000;
/** What is done while no edge is connected waits this long for one. */
const CONNECTED_WAIT_MS = 15_000;
/** The connection is listened to this often, and the list of edges to fall back on asked for again. */
const [LISTEN_MS, TICKET_MS] = [200, 240_000];
/** Waits between rounds over all edges when one was lost; after the last one the page asks the user. */
const MOVE_DELAYS_MS = [0, 500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000];

export function createSession(options: SessionOptions): LiveSession {
  return new Session(options);
}

class Session implements LiveSession {
  private readonly listeners = new Set<() => void>();
  private readonly packetListeners = new Set<(packet: Packet) => void>();
  private readonly media: LocalMedia;
  private room: Room | null = null;
  private readonly tickets: Tickets;
  private readonly mover: Mover;
  /** Raised by everything that makes an attempt under way obsolete. */
  private turn = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private refreshing = false;
  private handAt = 0;
  private current: LiveView = {
    phase: { name: 'connecting' },
    edge: null,
    people: [],
    chat: [],
    recording: false,
    soundBlocked: false,
    measure: { quality: 'unknown', rttMs: null, loss: null },
    canPublish: true,
    canSpeak: true,
    canShare: true,
    canSend: true,
    canRaiseHand: true,
    deviceError: null,
  };

  constructor(private readonly options: SessionOptions) {
    this.media = new LocalMedia(options.media, () => this.refresh());
    this.tickets = new Tickets(options.request, options.declared);
    this.mover = new Mover({
      media: this.media,
      declared: options.declared,
      turn: () => this.turn, isCurrent: (room) => this.room === room,
      create: this.create, takeOver: this.takeOver,
    });
    void this.connect({ name: 'connecting' });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  view = (): LiveView => this.current;

  onPacket = (listener: (packet: Packet) => void): (() => void) => {
    this.packetListeners.add(listener);
    return () => this.packetListeners.delete(listener);
  };

  async sendPacket(topic: string, payload: Uint8Array): Promise<void> {
    await this.room?.localParticipant.publishData(new Uint8Array(payload), { topic, reliable: false });
  }

  setMicrophone = (on: boolean) => this.device(() => this.media.setMicrophone(on));
  setCamera = (on: boolean) => this.device(() => this.media.setCamera(on));
  setScreen = (on: boolean) => this.device(() => this.media.setScreen(on));

  async setHand(up: boolean): Promise<void> {
    const before = this.handAt;
    this.handAt = up ? Date.now() : 0;
    await this.device(async () => {
      try {
        const room = await this.connected();
        await room.localParticipant.setAttributes({ hand: up ? String(this.handAt) : '' });
      } catch (error) {
        this.handAt = before;
        throw new ApiError('hand_failed', String(error));
      }
    });
  }

  async startSound(): Promise<void> {
    await this.room?.startAudio();
    this.refresh();
  }

  async retry(): Promise<void> {
    await this.connect({ name: 'connecting' });
  }

  async leave(): Promise<void> {
    this.end('left');
  }

  /** Joins: asks where to go, measures, and tries edge after edge. `lost` is the edge that has just failed. */
  private async connect(phase: Phase, lost: string | null = null): Promise<void> {
    const turn = ++this.turn;
    this.set({ phase });
    let failure: unknown = new ApiError('no_edge', 'no edge');
    for (const [round, delay] of (phase.name === 'moving' ? MOVE_DELAYS_MS : [0]).entries()) {
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (turn !== this.turn) return;
      try {
        for (const edge of await this.tickets.edges(lost, round)) {
          const error = await this.open(edge, turn);
          if (turn !== this.turn || error === null) return;
          failure = error;
        }
      } catch (error) {
        failure = error;
      }
    }
    if (turn === this.turn) this.set({ phase: { name: 'failed', error: failure } });
  }

  /** Tries one edge: `null` when the room is open, else why not. */
  private async open(edge: EdgeChoice, turn: number): Promise<unknown> {
    const room = this.create(edge);
    try {
      await room.connect(signalUrl(edge.url), this.tickets.current?.token ?? '', CONNECT_OPTIONS);
    } catch (error) {
      room.removeAllListeners();
      return error;
    }
    if (turn !== this.turn) {
      await room.disconnect(false);
      return null;
    }
    this.enter(room, edge);
    await this.settle(room, edge);
    return null;
  }

  private enter(room: Room, edge: EdgeChoice): void {
    this.room = room;
    this.set({ phase: { name: 'connected' }, edge });
    this.expose(room);
    this.startMeasuring(room, edge);
  }

  private create = (edge: EdgeChoice): Room => {
    const room = new Room(roomOptions(this.tickets.current?.recorded ?? false));
    this.listen(room, edge);
    return room;
  };

  /** A second room, rehearsed, is the one now. */
  private takeOver = (room: Room, edge: EdgeChoice, twins: Twins): void => {
    this.enter(room, edge);
    playAll(room);
    this.refresh();
    void this.device(() => this.media.moveTo(room, twins));
    void room.localParticipant.setAttributes({ edge: edge.id }).catch(() => undefined);
  };

  /** What the others should know of us, and what we send. Neither failing closes the class. */
  private async settle(room: Room, edge: EdgeChoice): Promise<void> {
    const own = room.localParticipant;
    if (own.permissions?.canUpdateMetadata !== false) {
      const hand: Record<string, string> = this.handAt ? { hand: String(this.handAt) } : {};
      void own
        .setAttributes({ region: this.options.request.region ?? edge.region, edge: edge.id, ...hand })
        .catch(() => undefined);
    }
    if (own.permissions?.canPublish === false) {
      this.media.stop();
    } else {
      await this.device(() => this.media.publishAll(room));
    }
    this.refresh();
  }

  private listen(room: Room, edge: EdgeChoice): void {
    const mine =
      <T extends unknown[]>(act: (...args: T) => void) =>
      (...args: T) => {
        if (this.room === room) act(...args);
      };
    const refresh = mine(() => this.refresh());
    for (const event of REFRESHING) room.on(event, refresh);
    const shaky = mine(() => {
      this.set({ phase: { name: 'reconnecting' } });
      void this.watchOver(room, edge);
    });
    room.on(RoomEvent.Reconnecting, shaky).on(RoomEvent.SignalReconnecting, shaky);
    room.on(
      RoomEvent.Reconnected,
      mine(() => this.set({ phase: { name: 'connected' } })),
    );
    room.on(
      RoomEvent.Disconnected,
      mine((reason?: DisconnectReason) => {
        const ending = ENDINGS.get(reason);
        if (ending) this.end(ending);
        else void this.connect({ name: 'moving' }, edge.id);
      }),
    );
    // The name on the packet is the edge's stamp. Whether the SDK knows a participant of that name says nothing: rosters come
    // by another way, and somebody unknown would pass for the server.
    room.on(RoomEvent.DataReceived, (payload, _participant, _kind, topic, _encryption, identity) => {
      if (identity === undefined) return;
      if (topic === MOVE_TOPIC) {
        if (identity === '') this.mover.hear(room, edge, readMoveWord(payload));
        return;
      }
      const packet = { topic: topic ?? '', payload, identity };
      for (const listener of this.packetListeners) listener(packet);
    });
    room.on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind === 'audio' && (this.room === room || this.room === null)) play(track);
    });
    room.on(RoomEvent.TrackUnsubscribed, (track) => {
      for (const element of track.detach()) if (track.kind === 'audio') element.remove();
    });
    room.registerTextStreamHandler(CHAT_TOPIC, (reader, { identity }) => {
      void reader.readAll().then(
        (text) => {
          const name = room.remoteParticipants.get(identity)?.name || identity;
          this.addChat({
            id: reader.info.id,
            identity,
            name,
            text: text.slice(0, CHAT_LENGTH_MAX),
            atMs: Date.now(),
          });
        },
        () => undefined,
      );
    });
  }

  /** The SDK would knock at a dead edge for a while. If the edge is silent and another one answers, move at once. */
  private async watchOver(room: Room, edge: EdgeChoice): Promise<void> {
    const waiting = () => this.room === room && this.current.phase.name === 'reconnecting';
    const others = this.tickets.others(edge.id);
    if (!(await isGivenUp(edge, others, waiting)) || !waiting()) return;
    this.close();
    void this.connect({ name: 'moving' }, edge.id);
  }

  private startMeasuring(room: Room, edge: EdgeChoice): void {
    clearInterval(this.timer);
    const meter = new Meter();
    const lifeline = new Lifeline();
    const begun = Date.now();
    let asking = false;
    let ticks = 0;
    this.timer = setInterval(() => {
      ticks += 1;
      if (ticks % (MEASURE_MS / LISTEN_MS) === 0) {
        void meter.read(room).then((read) => {
          if (this.room === room) this.set({ measure: { ...this.current.measure, ...read } });
        });
      }
      if (ticks % (TICKET_MS / LISTEN_MS) === 0) this.tickets.refresh();
      if (asking) return;
      asking = true;
      void this.listenFor(room, edge, lifeline, begun).finally(() => (asking = false));
    }, LISTEN_MS);
  }

  /** An edge that fell silent and does not answer, while another one does, is left at once. */
  private async listenFor(room: Room, edge: EdgeChoice, lifeline: Lifeline, begun: number): Promise<void> {
    const is = () => this.room === room && this.current.phase.name === 'connected' && !this.mover.busy;
    const now = () => Date.now() - begun;
    if (!lifeline.observe(now(), await bytesReceived(room)) || !is()) return;
    const others = this.tickets.others(edge.id);
    let asked = 0;
    const isSilent = await isGivenUp(edge, others, () => is() && asked++ < 2);
    if (!isSilent) {
      lifeline.calm(now());
    } else if (is()) {
      this.close();
      void this.connect({ name: 'moving' }, edge.id);
    }
  }

  /** The room once there is one: a move is over in a second or two, and nobody should have to press again. */
  private async connected(): Promise<Room> {
    const end = Date.now() + CONNECTED_WAIT_MS;
    for (;;) {
      const { name } = this.current.phase;
      if (this.room && name === 'connected') return this.room;
      if (name === 'ended' || name === 'failed' || Date.now() > end) throw new ApiError('unreachable', 'not connected');
      await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
    }
  }

  private async device(act: () => Promise<void>): Promise<void> {
    this.set({ deviceError: null });
    try {
      await act();
    } catch (error) {
      this.set({ deviceError: error });
    }
    this.refresh();
  }

  private addChat(message: ChatMessage): void {
    // Around a move a message may come by both edges.
    if (message.id && this.current.chat.some(({ id }) => id === message.id)) return;
    this.set({ chat: [...this.current.chat, { ...message, id: message.id || randomId(8) }].slice(-CHAT_KEPT) });
  }

  /** Over for good: devices are released, and a return goes through the lobby. */
  private end(reason: EndReason): void {
    this.turn++;
    this.close();
    this.media.stop();
    this.set({ phase: { name: 'ended', reason }, people: [] });
  }

  private close(): void {
    clearInterval(this.timer);
    const room = this.room;
    this.room = null;
    void room?.disconnect(false);
  }

  /** Many events come in one burst (a join brings a dozen): the page is told once. */
  private refresh(): void {
    if (this.refreshing) return;
    this.refreshing = true;
    queueMicrotask(() => {
      this.refreshing = false;
      const room = this.room;
      if (!room) return;
      const people = peopleOf(room);
      const may = room.localParticipant.permissions;
      this.set({
        people,
        recording: room.isRecording,
        soundBlocked: !room.canPlaybackAudio,
        canPublish: may?.canPublish ?? true,
        ...maySend(may),
        canSend: may?.canPublishData ?? true,
        canRaiseHand: may?.canUpdateMetadata ?? true,
        measure: { ...this.current.measure, quality: people[0]?.quality ?? 'unknown' },
      });
    });
  }

  private set(change: Partial<LiveView>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener();
  }

  /** A handle for browser tests; it shows nothing the page's user could not see in the developer tools. */
  private expose(room: Room): void {
    Object.assign(window, {
      __seodang: {
        room,
        session: this,
        edge: () => this.current.edge?.id ?? null,
        stats: async () => ({
          edge: this.current.edge?.id ?? null,
          phase: this.current.phase.name,
          measure: this.current.measure,
          tracks: await trackStats(room),
        }),
      },
    });
  }
}
