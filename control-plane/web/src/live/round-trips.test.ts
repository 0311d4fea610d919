import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FRESH_MS, ROUND_TRIPS_MAX, keepRoundTrips, roundTrips } from './round-trips';

beforeEach(() => {
  const held = new Map<string, string>();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
  });
});
afterEach(() => vi.unstubAllGlobals());

test('what was measured is said at the next join, as long as it is fresh', () => {
  keepRoundTrips([['jeju', 12.345], ['seoul', 40], ['busan', null]], 1_000);
  expect(roundTrips(2_000)).toEqual({ jeju: 12.3, seoul: 40 });
  keepRoundTrips([['jeju', 15], ['seoul', null]], 500_000);
  expect(roundTrips(500_000)).toEqual({ jeju: 15 });
  expect(roundTrips(500_000 + FRESH_MS)).toEqual({});
  expect(roundTrips(400_000)).toEqual({});
});

test('no more than the control plane hears of, the newest', () => {
  for (let place = 0; place < ROUND_TRIPS_MAX + 10; place++) keepRoundTrips([[`edge-${place}`, 20]], 1_000 + place);
  const known = roundTrips(2_000);
  expect(Object.keys(known)).toHaveLength(ROUND_TRIPS_MAX);
  expect(known).not.toHaveProperty('edge-9');
  expect(known).toHaveProperty('edge-10');
});

test('spoilt or forbidden storage is no known round trip', () => {
  for (const spoilt of ['{', 'null', '{"a":1}', '{"a":["x",1]}', '{"a":[-5,1]}', '{"a":[70000,1]}']) {
    sessionStorage.setItem('seodang.rtts', spoilt);
    expect(roundTrips(2)).toEqual({});
  }
  vi.stubGlobal('sessionStorage', undefined);
  keepRoundTrips([['jeju', 12]]);
  expect(roundTrips()).toEqual({});
});
