import { ApiError } from './request';

/** Waits between tries: doubling from the first to the last, each drawn between half of it and the whole. */
export const FIRST_WAIT_MS = 500;
export const LAST_WAIT_MS = 8_000;

export interface RetryOptions {
  /** Given up after this long; the default is for as long as the page lives. */
  maxMs?: number;
  signal?: AbortSignal;
  /** Before each wait: what went wrong and how often so far. */
  onWait?: (error: unknown, tries: number) => void;
  /** For tests. */
  now?: () => number;
  random?: () => number;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Whether the same call may succeed later: an outage, an overload, an answer in somebody else's words (a captive portal's
 * page, a proxy's 403). Only the control plane's refusal, in its own words, stays a refusal.
 */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if (error.code === 'unreachable' || error.code === 'bad_answer') return true;
  return error.status === 408 || error.status === 429 || error.status >= 500;
}

/**
 * Makes a call that may be made twice without harm (idempotent by its id) until it is answered or refused.
 * The browser's word that the network is back ends a wait at once.
 */
export async function keepTrying<T>(call: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { maxMs = Infinity, signal, onWait, now = Date.now, random = Math.random, sleep = sleepOrOnline } = options;
  const start = now();
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error) || signal?.aborted) throw error;
      const asked = error instanceof ApiError ? error.retryAfterMs : 0;
      const wait = Math.max(asked, waitBefore(tries, random()));
      if (now() - start + wait > maxMs) throw error;
      onWait?.(error, tries);
      await sleep(wait, signal);
      if (signal?.aborted) throw error;
    }
  }
}

/** The wait after try number `tries`; `draw` is from 0 to 1. */
export function waitBefore(tries: number, draw: number): number {
  const whole = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(tries - 1, 16));
  return whole * (0.5 + draw / 2);
}

function sleepOrOnline(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    signal?.addEventListener('abort', done);
  });
}
