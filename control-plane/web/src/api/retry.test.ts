import { expect, test } from 'vitest';
import { ApiError } from './request';
import { isPassing, keepTrying, LAST_WAIT_MS, waitBefore } from './retry';

/** A clock that only sleeping moves. */
function virtual() {
  let now = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => now,
    random: () => 1,
    sleep: async (ms: number) => {
      waits.push(ms);
      now += ms;
    },
  };
}

const failing = (errors: unknown[]) => async () => {
  const error = errors.shift();
  if (error) throw error;
  return 'done';
};

test('an outage is waited out, a refusal is not', async () => {
  const clock = virtual();
  const away = () => new ApiError('unreachable', '');
  const busy = new ApiError('store_unavailable', '', 503);
  expect(await keepTrying(failing([away(), away(), busy]), clock)).toBe('done');
  expect(clock.waits).toEqual([500, 1000, 2000]);
  const refused = new ApiError('quiz_closed', '', 409);
  await expect(keepTrying(failing([away(), refused]), virtual())).rejects.toBe(refused);
  expect(isPassing(new TypeError('a bug'))).toBe(false);
});

test('what the server asks for is waited at least, and time runs out', async () => {
  const clock = virtual();
  const slow = new ApiError('rate_limited', '', 429, 5_000);
  expect(await keepTrying(failing([slow]), clock)).toBe('done');
  expect(clock.waits).toEqual([5_000]);
  const away = new ApiError('unreachable', '');
  await expect(keepTrying(failing(Array(99).fill(away)), { ...virtual(), maxMs: 60_000 })).rejects.toBe(away);
});

test('somebody who goes away is not served', async () => {
  const leaving = new AbortController();
  const away = new ApiError('unreachable', '');
  let calls = 0;
  const call = async () => {
    calls += 1;
    throw away;
  };
  const clock = virtual();
  const sleep = async () => leaving.abort();
  await expect(keepTrying(call, { ...clock, sleep, signal: leaving.signal })).rejects.toBe(away);
  expect(calls).toBe(1);
});

test('waits grow to a limit and are spread', () => {
  expect(waitBefore(1, 0)).toBe(250);
  expect(waitBefore(40, 1)).toBe(LAST_WAIT_MS);
});
