import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { REACTION_TOPIC, ROOM_WORD_TOPIC } from '../api/contract-classroom';
import type { LiveState } from '../api/contract';
import type { LiveSession } from '../live/view';
import { inTurn } from '../ui/in-turn';
import type { FeedView } from './feed';
import type { ParcelView } from './outbox';
import type { Classroom } from './room';

export interface ClassroomView extends FeedView {
  live: LiveState;
  parcels: readonly ParcelView[];
}

/** Keeps a classroom going while it is on the page; not for those who are not signed in. */
export function useClassroom(room: Classroom, active = true): ClassroomView {
  const feed = useSyncExternalStore(room.feed.subscribe, room.feed.view);
  const parcels = useSyncExternalStore(room.outbox.subscribe, room.parcels);
  useEffect(() => {
    if (!active) return undefined;
    room.start();
    return () => room.stop();
  }, [room, active]);
  return { ...feed, parcels };
}

/** Room words reach the classroom, and every return to the room asks anew. */
export function useRoomWords(
  room: Classroom,
  session: LiveSession,
  onReaction: (emoji: Uint8Array, identity: string) => void,
): void {
  useEffect(
    () =>
      session.onPacket(({ topic, payload, identity }) => {
        // Words are the server's alone: a participant's packet of that topic has a name on it and is none.
        if (topic === ROOM_WORD_TOPIC && identity === '') room.feed.hear(payload);
        else if (topic === REACTION_TOPIC) onReaction(payload, identity);
      }),
    [room, session, onReaction],
  );
  const connected = useSyncExternalStore(session.subscribe, () => session.view().phase.name === 'connected');
  useEffect(() => {
    if (connected) room.back();
  }, [room, connected]);
}

/** The time, every second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!running) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}

export interface Action {
  busy: boolean;
  error: unknown;
  /** Runs one call at a time; a failure stays shown until the next one. Resolves to whether it went well. */
  run(call: () => Promise<unknown>): Promise<boolean>;
}

export function useAction(): Action {
  const [waiting, setWaiting] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const [turn] = useState(inTurn);
  const run = useCallback(
    async (call: () => Promise<unknown>) => {
      setWaiting((count) => count + 1);
      try {
        await turn(() => {
          setError(null);
          return call();
        });
        return true;
      } catch (failure) {
        setError(failure);
        return false;
      } finally {
        setWaiting((count) => count - 1);
      }
    },
    [turn],
  );
  return { busy: waiting > 0, error, run };
}
