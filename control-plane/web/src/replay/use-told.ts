import { useEffect, useState } from 'react';
import { getTimeline } from '../api/classroom';
import type { ClassEvent } from '../api/contract';

/** While the class runs it is asked again this often. */
const AGAIN_MS = 20_000;

/**
 * The control plane's timeline of a lesson, for whoever is signed in; the others see what the recording itself has. An
 * extra: while it cannot be had, what was told before stays.
 */
export function useTold(classId: string, roomSid: string | undefined, signedIn: boolean, running: boolean): readonly ClassEvent[] {
  const [told, setTold] = useState<readonly ClassEvent[]>([]);
  useEffect(() => {
    setTold([]);
    if (!signedIn || roomSid === undefined) return undefined;
    let stopped = false;
    const ask = async () => {
      const found = await getTimeline(classId, roomSid).catch(() => null);
      if (!stopped && found) setTold(found);
    };
    void ask();
    const timer = running ? setInterval(() => void ask(), AGAIN_MS) : undefined;
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, [classId, roomSid, signedIn, running]);
  return told;
}
