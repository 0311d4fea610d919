import { useEffect, useState } from 'react';
import { getClass } from '../api/client';
import type { ClassDetail, Recording } from '../api/contract';

/** The origin closes a recording within seconds; it is asked about this often, and no longer than that. */
const ASK_MS = 2_000;
const ASK_FOR_MS = 90_000;

export type Made =
  /** There is none, or none has come up in time. */
  | { name: 'none' }
  /** It is not in the catalogue yet. */
  | { name: 'awaited' }
  /** It can be watched up to its last written segment. */
  | { name: 'growing'; recording: Recording }
  | { name: 'ready'; recording: Recording };

/** What there is to watch of the lesson that has just ended: the newest recording. */
export function madeOf(entry: Pick<ClassDetail, 'recordings'> | null, recorded: boolean, patient: boolean): Made {
  const recording = entry?.recordings.at(-1);
  if (recording) return { name: recording.state === 'live' && patient ? 'growing' : 'ready', recording };
  return { name: recorded && patient ? 'awaited' : 'none' };
}

/** Follows how a class's recording comes about, until it is whole. `recorded`: there ought to be one. */
export function useRecording(classId: string, recorded: boolean): Made {
  const [entry, setEntry] = useState<ClassDetail | null>(null);
  const [patient, setPatient] = useState(true);
  const made = madeOf(entry, recorded, patient);
  const waiting = recorded && made.name !== 'ready' && patient;
  useEffect(() => {
    if (!waiting) return undefined;
    let stopped = false;
    const ask = () => {
      getClass(classId).then(
        (found) => stopped || setEntry(found),
        () => undefined,
      );
    };
    ask();
    const asking = setInterval(ask, ASK_MS);
    const enough = setTimeout(() => setPatient(false), ASK_FOR_MS);
    return () => {
      stopped = true;
      clearInterval(asking);
      clearTimeout(enough);
    };
  }, [classId, waiting]);
  return made;
}
