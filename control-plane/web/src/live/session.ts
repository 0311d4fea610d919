import { DisconnectReason, Room, RoomEvent } from 'livekit-client';
import { ApiError, join } from '../api/client';
import type { EdgeChoice, JoinRequest, JoinResponse } from '../api/contract';
import { randomId } from '../storage';
import { demote, isGivenUp, rankEdges, signalUrl } from './edges';
import { MOVE_TOPIC, type MoveWord, readMoveWord, Rehearsal } from './handover';
import { Lifeline } from './lifeline';
import { type ChosenMedia, LocalMedia } from './local-media';
import { bytesReceived, Meter, trackStats } from './measure';
import { peopleOf } from './person';
import { CONNECT_OPTIONS, ENDINGS, REFRESHING, roomOptions } from './room-options';
import type { ChatMessage, EndReason, LiveSession, LiveView, Packet, Phase } from './view';

export interface SessionOptions {
  request: JoinRequest;
  /** The position was chosen by hand (development): its distance counts, not this machine's round trip. */
  declared: boolean;
  media: ChosenMedia;
}

/** LiveKit components' topic, so that other clients of the same room take part. */
const CHAT_TOPIC = 'lk.chat';
/** Older messages leave the list: a day-long class must not fill the memory of a phone. */
const CHAT_KEPT = 500;
const CHAT_LENGTH_MAX = 4_000;
const MEASURE_MS = 2_000;
/** The connection is listened to this often. */
const LISTEN_MS = 200;
/** The list of edges to fall back on is asked for again this often. */
const TICKET_MS = 240_000;
/** What is sent while no edge is connected waits this long for one. */
const SEND_WAIT_MS = 15_000;
/** A new edge needs a moment to link up with the others: what is said earlier reaches nobody. */
const GATHER_MS = 3_000;
/** The old edge says that the new one has taken over within this time, or it is believed without. */
const TAKEN_MS = 6_000;
/** The first room stays this long after the second took over, until every picture is attached to it. */
const OVERLAP_MS = 400;
/** Messages sent so shortly before an edge died may not have left it: they are sent again, under the same id. */
const UNSURE_MS = 3_000;
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
  private ticket: JoinResponse | null = null;
  /** Raised by everything that makes an attempt under way obsolete. */
  private turn = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private refreshing = false;
  private handAt = 0;
  /** Who was there before an edge was lost, and until when they are waited for. */
  private gathering: { identities: string[]; untilMs: number } = { identities: [], untilMs: 0 };
  private sent: { id: string; text: string; atMs: number }[] = [];
  /** A handover under way; told when the old edge says that it is done. */
  private handover: { room: Room; taken: () => void } | null = null;
  private current: LiveView = {
    phase: { name: 'connecting' },
    edge: null,
    people: [],
    chat: [],
    recording: false,
    soundBlocked: false,
    measure: { quality: 'unknown', rttMs: null, loss: null },
    canPublish: true,
    canSend: true,
    canRaiseHand: true,
    deviceError: null,
  };

  constructor(private readonly options: SessionOptions) {
    this.media = new LocalMedia(options.media, () => this.refresh());
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

  async sendPacket(topic: string, payload: Uint8Array, reliable: boolean): Promise<void> {
    const room = reliable ? await this.connected() : this.room;
    await room?.localParticipant.publishData(new Uint8Array(payload), { topic, reliable });
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

  async sendChat(text: string): Promise<void> {
    const room = await this.connected();
    const message = { id: randomId(16), text: text.slice(0, CHAT_LENGTH_MAX), atMs: Date.now() };
    await this.say(room, message);
    this.sent = [...this.sent.filter((one) => message.atMs - one.atMs < UNSURE_MS), message];
    this.addChat({
      id: message.id,
      identity: room.localParticipant.identity,
      text,
      atMs: Date.now(),
      local: true,
      name: room.localParticipant.name ?? '',
    });
  }

  private async say(room: Room, { id, text }: { id: string; text: string }): Promise<void> {
    const writer = await room.localParticipant.streamText({ topic: CHAT_TOPIC, streamId: id, totalSize: new Blob([text]).size });
    await writer.write(text);
    await writer.close();
  }

  /** The room once there is one: a move is over in a second or two, and nobody should have to press again. */
  private connected(): Promise<Room> {
    return new Promise((resolve, reject) => {
      const end = Date.now() + SEND_WAIT_MS;
      const look = () => {
        const { phase } = this.current;
        const over = phase.name === 'ended' || phase.name === 'failed' || Date.now() > end;
        if (this.room && phase.name === 'connected' && this.isGathered(this.room)) resolve(this.room);
        else if (over) reject(new ApiError('unreachable', 'not connected'));
        else setTimeout(look, LISTEN_MS / 2);
      };
      look();
    });
  }

  private isGathered(room: Room): boolean {
    const { identities, untilMs } = this.gathering;
    return Date.now() >= untilMs || identities.every((identity) => room.remoteParticipants.has(identity));
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
    const lostAtMs = Date.now();
    const identities = this.current.people.filter((person) => !person.local).map((person) => person.identity);
    this.gathering = { identities, untilMs: phase.name === 'moving' ? lostAtMs + GATHER_MS : 0 };
    for (const [round, delay] of (phase.name === 'moving' ? MOVE_DELAYS_MS : [0]).entries()) {
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (turn !== this.turn) return;
      try {
        for (const edge of await this.edges(lost, round)) {
          const error = await this.open(edge, turn);
          if (error === null) void this.sayAgain(lostAtMs).catch(() => undefined);
          if (turn !== this.turn || error === null) return;
          failure = error;
        }
      } catch (error) {
        failure = error;
      }
    }
    if (turn === this.turn) this.set({ phase: { name: 'failed', error: failure } });
  }

  /**
   * A ticket of before serves while the control plane is away: its token is good for every edge. In a move every moment
   * counts: the first round takes the edges of before, which were measured, and a new list comes meanwhile.
   */
  private async edges(lost: string | null, round: number): Promise<EdgeChoice[]> {
    if (lost !== null && this.ticket && round === 0) {
      const { edges } = this.ticket;
      void this.renew().catch(() => undefined);
      return demote(edges, lost);
    }
    try {
      await this.renew();
    } catch (error) {
      if (!this.ticket || lost === null) throw error;
    }
    return demote(this.ticket?.edges ?? [], lost);
  }

  /** Asks where to go, and measures. */
  private async renew(): Promise<void> {
    const ticket = await join(this.options.request);
    this.ticket = { ...ticket, edges: await rankEdges(ticket.edges, this.options.declared) };
  }

  private async sayAgain(lostAtMs: number): Promise<void> {
    const unsure = this.sent.filter((message) => lostAtMs - message.atMs < UNSURE_MS);
    this.sent = [];
    if (unsure.length === 0) return;
    const room = await this.connected();
    for (const message of unsure) await this.say(room, message);
  }

  /** Tries one edge: `null` when the room is open, else why not. */
  private async open(edge: EdgeChoice, turn: number): Promise<unknown> {
    const ticket = this.ticket;
    if (!ticket) return new ApiError('no_edge', 'no ticket');
    const room = new Room(roomOptions(ticket.recorded));
    this.listen(room, edge);
    try {
      await room.connect(signalUrl(edge.url), ticket.token, CONNECT_OPTIONS);
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

  /** The edge is about to go away: goes on at another one, and closes this room only when nobody would notice. */
  private async moveOn(first: Room, from: EdgeChoice, word: MoveWord & { type: 'move' }): Promise<void> {
    if (this.handover || this.room !== first) return;
    const taken = new Promise<void>((resolve) => {
      this.handover = { room: first, taken: resolve };
      setTimeout(resolve, TAKEN_MS);
    });
    const turn = this.turn;
    try {
      const ranked = await rankEdges(word.edges, this.options.declared);
      for (const edge of ranked.filter((choice) => choice.id !== from.id)) {
        if (turn !== this.turn || (await this.moveTo(first, edge, word.token, taken, turn))) return;
      }
    } finally {
      this.handover = null;
    }
  }

  private async moveTo(first: Room, edge: EdgeChoice, token: string, taken: Promise<void>, turn: number): Promise<boolean> {
    const second = new Room(roomOptions(this.ticket?.recorded ?? false));
    this.listen(second, edge);
    const rehearsal = new Rehearsal(first, second);
    try {
      await second.connect(signalUrl(edge.url), token, CONNECT_OPTIONS);
      const twins = await this.media.rehearse(second);
      await Promise.all([rehearsal.ready(), taken]);
      if (turn !== this.turn) throw new ApiError('unreachable', 'overtaken');
      this.enter(second, edge);
      this.hear(second);
      this.refresh();
      void this.device(() => this.media.moveTo(second, twins));
      void second.localParticipant.setAttributes({ edge: edge.id }).catch(() => undefined);
      setTimeout(() => {
        rehearsal.end();
        leaveQuietly(first);
      }, OVERLAP_MS);
      return true;
    } catch {
      rehearsal.end();
      leaveQuietly(second);
      return false;
    }
  }

  /** Plays all sound of a room; those of another one fall silent. */
  private hear(room: Room): void {
    for (const element of document.querySelectorAll('audio[data-live]')) element.remove();
    for (const participant of room.remoteParticipants.values()) {
      for (const { track } of participant.audioTrackPublications.values()) if (track) play(track);
    }
  }

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
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
      if (topic === MOVE_TOPIC) {
        // Nobody but the edge itself.
        const word = participant ? null : readMoveWord(payload);
        if (word?.type === 'move') void this.moveOn(room, edge, word);
        else if (word && this.handover?.room === room) this.handover.taken();
        return;
      }
      const packet = { topic: topic ?? '', payload, identity: participant?.identity ?? '' };
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
            local: false,
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
    const others = this.ticket?.edges.filter((other) => other.id !== edge.id) ?? [];
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
      if (ticks % (TICKET_MS / LISTEN_MS) === 0) void this.renew().catch(() => undefined);
      if (asking) return;
      asking = true;
      void this.listenFor(room, edge, lifeline, begun).finally(() => (asking = false));
    }, LISTEN_MS);
  }

  /** An edge that fell silent and does not answer, while another one does, is left at once. */
  private async listenFor(room: Room, edge: EdgeChoice, lifeline: Lifeline, begun: number): Promise<void> {
    const is = () => this.room === room && this.current.phase.name === 'connected' && !this.handover;
    const now = () => Date.now() - begun;
    if (!lifeline.observe(now(), await bytesReceived(room)) || !is()) return;
    const others = this.ticket?.edges.filter((other) => other.id !== edge.id) ?? [];
    let asked = 0;
    const isSilent = await isGivenUp(edge, others, () => is() && asked++ < 2);
    if (!isSilent) {
      lifeline.calm(now());
    } else if (is()) {
      this.close();
      void this.connect({ name: 'moving' }, edge.id);
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

/** Sound of somebody else, marked so that a move can take it away. */
function play(track: { attach(): HTMLMediaElement }): void {
  const element = track.attach();
  element.dataset.live = '';
  document.body.append(element);
}

function leaveQuietly(room: Room): void {
  room.removeAllListeners();
  void room.disconnect(false);
}
