import type { Room } from 'livekit-client';
import type { EdgeChoice } from '../api/contract';
import { rankEdges, signalUrl } from './edges';
import { type MoveWord, Rehearsal } from './handover';
import type { LocalMedia, Twins } from './local-media';
import { CONNECT_OPTIONS } from './room-options';

/** The old edge says that the new one has taken over within this time, or it is believed without. */
const TAKEN_MS = 6_000;
/** The first room stays this long after the second took over, until every picture is attached to it. */
const OVERLAP_MS = 400;

/** What a move needs of the session. */
export interface Host {
  media: LocalMedia;
  declared: boolean;
  /** Raised by everything that makes a move obsolete. */
  turn(): number;
  isCurrent(room: Room): boolean;
  /** A room with the session's ears on it. */
  create(edge: EdgeChoice): Room;
  takeOver(room: Room, edge: EdgeChoice, twins: Twins): void;
}

/** Goes on at another edge before this one goes away, and closes the first room only when nobody would notice. */
export class Mover {
  private under: { room: Room; taken: () => void } | null = null;

  constructor(private readonly host: Host) {}

  get busy(): boolean {
    return this.under !== null;
  }

  /** The edge's word came over `room`. */
  hear(room: Room, from: EdgeChoice, word: MoveWord | null): void {
    if (word?.type === 'move') void this.moveOn(room, from, word);
    else if (word && this.under?.room === room) this.under.taken();
  }

  private async moveOn(first: Room, from: EdgeChoice, word: MoveWord & { type: 'move' }): Promise<void> {
    if (this.under || !this.host.isCurrent(first)) return;
    const turn = this.host.turn();
    try {
      const taken = new Promise<void>((resolve) => {
        this.under = { room: first, taken: resolve };
        setTimeout(resolve, TAKEN_MS);
      });
      const ranked = await rankEdges(word.edges, this.host.declared);
      for (const edge of ranked.filter((choice) => choice.id !== from.id)) {
        if (turn !== this.host.turn() || (await this.moveTo(first, edge, word.token, taken, turn))) return;
      }
    } finally {
      this.under = null;
    }
  }

  private async moveTo(first: Room, edge: EdgeChoice, token: string, taken: Promise<void>, turn: number): Promise<boolean> {
    const second = this.host.create(edge);
    const rehearsal = new Rehearsal(first, second);
    try {
      await second.connect(signalUrl(edge.url), token, CONNECT_OPTIONS);
      const twins = await this.host.media.rehearse(second);
      await Promise.all([rehearsal.ready(), taken]);
      if (turn !== this.host.turn()) throw new Error('overtaken');
      this.host.takeOver(second, edge, twins);
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
}

function leaveQuietly(room: Room): void {
  room.removeAllListeners();
  void room.disconnect(false);
}
