import { useEffect, useMemo, useRef, useState } from 'react';
import { isPassing } from '../api/retry';
import { handQueue, type Raised } from '../classroom/reading';
import type { Classroom } from '../classroom/room';
import type { FeedView } from '../classroom/feed';
import type { LiveSession, LiveView } from './view';

export interface HandState {
  queue: readonly Raised[];
  up: boolean;
  /** Place in the queue from 1; 0: not in it. */
  place: number;
  /** When the instructor last took one's own hand down; 0: never. */
  takenDownMs: number;
  error: unknown;
  toggle(): Promise<void>;
  /** The instructor has taken somebody's hand down. */
  lowered(identity: string): void;
}

/**
 * The raised hand in two places: the participant's attribute, which the room sees at once and without a control plane, and
 * the control plane's queue, which has the order and which the instructor works through.
 */
export function useHand(room: Classroom, session: LiveSession, view: LiveView, feed: FeedView): HandState {
  const [down, setDown] = useState<ReadonlySet<string>>(new Set());
  const [takenDownMs, setTakenDownMs] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const own = view.people.find((person) => person.local);
  const identity = own?.identity ?? room.me.id;
  const raised = (own?.handAt ?? 0) > 0;
  const queued = feed.live.hands.some((hand) => hand.account.id === identity);
  const queue = useMemo(() => handQueue(feed.live.hands, view.people, down), [feed.live.hands, view.people, down]);

  // Taken down by the instructor: the attribute follows.
  const wasQueued = useRef(queued);
  useEffect(() => {
    if (wasQueued.current && !queued && raised) {
      setTakenDownMs(Date.now());
      void session.setHand(false);
    }
    wasQueued.current = queued;
  }, [queued, raised, session]);
  // A hand that is down in the room may go up again.
  useEffect(() => {
    const still = [...down].filter((id) => view.people.some((person) => person.identity === id && person.handAt > 0));
    if (still.length < down.size) setDown(new Set(still));
  }, [down, view.people]);

  const place = queue.findIndex((hand) => hand.identity === identity) + 1;
  return {
    queue,
    up: raised || queued,
    place,
    takenDownMs,
    error,
    lowered: (who) => setDown(new Set([...down, who])),
    toggle: async () => {
      const up = !(raised || queued);
      setError(null);
      wasQueued.current = false;
      if (view.canRaiseHand) void session.setHand(up);
      try {
        await room.raise(up);
      } catch (failure) {
        // While the control plane is away the room still sees the hand.
        if (!isPassing(failure) || !view.canRaiseHand) setError(failure);
      }
    },
  };
}
