import { useEffect } from 'react';
import { sendWatched } from '../api/classroom';
import type { Watched } from '../api/contract';
import { recall, remember } from '../storage';
import type { Engine } from './engine';
import { resumeKey } from './use-replay';
import { sendAll, WatchedSpans } from './watched';

/** Spans are sent together, and at the latest when the page goes away. */
const SEND_MS = 30_000;
const LOOK_MS = 500;

/** Remembers where one is, and tells the class's instructor (as counts by minute) what is watched. */
export function useWatched(engine: Engine, classId: string, roomSid: string, account: string | null): void {
  useEffect(() => {
    const spans = new WatchedSpans(roomSid);
    const kept = `watched.${account ?? ''}.${roomSid}`;
    spans.putBack(readKept(recall(kept)));
    const look = () => {
      const { timeMs, playing, ended } = engine.view();
      spans.look(timeMs, playing);
      if (playing) remember(resumeKey(roomSid), ended ? '0' : String(Math.round(timeMs)));
    };
    // A page in the background may never come back, but has not left either.
    const send = async (how: 'on' | 'background' | 'leave') => {
      if (account === null) return;
      const items = spans.take(how === 'leave');
      if (items.length === 0) return;
      // Kept until the answer: what a dying page could not send, the next visit does.
      if (how !== 'on') remember(kept, JSON.stringify(items));
      const unsent = await sendAll(items, (batch) => sendWatched(classId, batch, how !== 'on'));
      remember(kept, unsent.length > 0 ? JSON.stringify(unsent) : '');
      spans.putBack(unsent);
    };
    const hide = () => {
      if (document.visibilityState === 'hidden') void send('background');
    };
    const leave = () => {
      look();
      void send('leave');
    };
    const looking = setInterval(look, LOOK_MS);
    const sending = setInterval(() => void send('on'), SEND_MS);
    addEventListener('visibilitychange', hide);
    addEventListener('pagehide', leave);
    return () => {
      clearInterval(looking);
      clearInterval(sending);
      removeEventListener('visibilitychange', hide);
      removeEventListener('pagehide', leave);
      leave();
    };
  }, [engine, classId, roomSid, account]);
}

function readKept(text: string | null): Watched[] {
  try {
    const kept: unknown = JSON.parse(text || '[]');
    return Array.isArray(kept) ? (kept as Watched[]) : [];
  } catch {
    return [];
  }
}
