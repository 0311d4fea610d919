import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { REACTION_TOPIC, ROOM_WORD_TOPIC } from '../api/contract-classroom';
import type { LiveState } from '../api/contract';
import type { LiveSession } from '../live/view';
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
  const [state, setState] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: null });
  const run = useCallback(async (call: () => Promise<unknown>) => {
    setState({ busy: true, error: null });
    try {
      await call();
      setState({ busy: false, error: null });
      return true;
    } catch (error) {
      setState({ busy: false, error });
      return false;
    }
  }, []);
  return { ...state, run };
}
