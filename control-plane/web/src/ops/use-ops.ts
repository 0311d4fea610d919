import { useEffect, useState } from 'react';
import { getOps } from '../api/client';
import type { Ops } from '../api/contract';

/** While the stream is broken, the picture is asked for this often, and the stream tried again. */
const FALLBACK_MS = 3_000;

export interface OpsState {
  ops: Ops | null;
  /** The stream is open: what is shown is now. */
  live: boolean;
  error: unknown;
}

/** The fleet as it is: by server-sent events, by asking while those fail. */
export function useOps(round: number): OpsState {
  const [state, setState] = useState<OpsState>({ ops: null, live: false, error: null });
  useEffect(() => {
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;

    const open = () => {
      source = new EventSource('/v1/ops/events');
      source.addEventListener('ops', (event: MessageEvent<string>) => {
        setState({ ops: JSON.parse(event.data) as Ops, live: true, error: null });
      });
      source.addEventListener('error', () => {
        setState((old) => ({ ...old, live: false }));
        source?.close();
        void ask();
      });
    };
    const ask = async () => {
      clearTimeout(timer);
      try {
        const ops = await getOps();
        if (!stopped) setState({ ops, live: false, error: null });
      } catch (error) {
        if (!stopped) setState((old) => ({ ...old, error }));
      }
      if (!stopped) timer = setTimeout(open, FALLBACK_MS);
    };

    open();
    return () => {
      stopped = true;
      source?.close();
      clearTimeout(timer);
    };
  }, [round]);
  return state;
}
