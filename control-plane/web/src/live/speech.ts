import type { Room } from 'livekit-client';
import { ApiError } from '../api/client';
import type { Phase } from './view';

/** LiveKit components' topic, so that other clients of the same room take part. */
export const CHAT_TOPIC = 'lk.chat';
export const CHAT_LENGTH_MAX = 4_000;
/** What is sent while no edge is connected waits this long for one, and looks this often. */
const SEND_WAIT_MS = 15_000;
const LOOK_MS = 100;
/** A new edge needs a moment to link up with the others: what is said earlier reaches nobody. */
const GATHER_MS = 3_000;
/** Messages sent so shortly before an edge died may not have left it: they are sent again, under the same id. */
const UNSURE_MS = 3_000;
/** So soon after a loss the others may not hear the new edge yet, though it knows of them: said again after a while. */
const UNSETTLED_MS = 5_000;
const AGAIN_MS = 2_000;

export interface Said {
  id: string;
  text: string;
  atMs: number;
}

/** What the user says, over losses and moves: nothing has to be said twice, and nothing is heard twice. */
export class Speech {
  /** Who was there before an edge was lost, and until when they are waited for. */
  private gathering: { identities: string[]; untilMs: number } = { identities: [], untilMs: 0 };
  private sent: Said[] = [];
  private lostAtMs = 0;

  constructor(
    private readonly room: () => Room | null,
    private readonly phase: () => Phase,
  ) {}

  /** The room once there is one: a move is over in a second or two, and nobody should have to press again. */
  connected(): Promise<Room> {
    return new Promise((resolve, reject) => {
      const end = Date.now() + SEND_WAIT_MS;
      const look = () => {
        const room = this.room();
        const { name } = this.phase();
        if (room && name === 'connected' && this.isGathered(room)) resolve(room);
        else if (name === 'ended' || name === 'failed' || Date.now() > end) reject(new ApiError('unreachable', 'not connected'));
        else setTimeout(look, LOOK_MS);
      };
      look();
    });
  }

  async say(message: Said): Promise<void> {
    await this.write(await this.connected(), message);
    this.sent = [...this.sent.filter((one) => message.atMs - one.atMs < UNSURE_MS), message];
    if (Date.now() - this.lostAtMs < UNSETTLED_MS) {
      setTimeout(() => void this.connected().then((room) => this.write(room, message)).catch(() => undefined), AGAIN_MS);
    }
  }

  /** An edge was lost, and with it perhaps what was said last. */
  lost(identities: string[]): void {
    this.lostAtMs = Date.now();
    this.gathering = { identities, untilMs: Date.now() + GATHER_MS };
  }

  async sayAgain(lostAtMs: number): Promise<void> {
    const unsure = this.sent.filter((message) => lostAtMs - message.atMs < UNSURE_MS);
    this.sent = [];
    if (unsure.length === 0) return;
    const room = await this.connected();
    for (const message of unsure) await this.write(room, message);
  }

  private async write(room: Room, { id, text }: Said): Promise<void> {
    const totalSize = new TextEncoder().encode(text).length;
    const writer = await room.localParticipant.streamText({ topic: CHAT_TOPIC, streamId: id, totalSize });
    await writer.write(text);
    await writer.close();
  }

  private isGathered(room: Room): boolean {
    const { identities, untilMs } = this.gathering;
    return Date.now() >= untilMs || identities.every((identity) => room.remoteParticipants.has(identity));
  }
}
