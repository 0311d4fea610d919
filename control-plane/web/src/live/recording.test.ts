import { expect, test } from 'vitest';
import type { Recording } from '../api/contract';
import { madeOf } from './recording';

const recording = (state: Recording['state'], room_sid: string): Recording => ({
  room: 'ink',
  room_sid,
  state,
  manifest: `/ink/${room_sid}/manifest.json`,
  started_at_ms: 0,
  duration_ms: 60_000,
});

test('a recording is awaited, grows and is there', () => {
  expect(madeOf(null, true, true).name).toBe('awaited');
  expect(madeOf({ recordings: [] }, true, true).name).toBe('awaited');
  expect(madeOf({ recordings: [recording('live', 'b')] }, true, true).name).toBe('growing');
  expect(madeOf({ recordings: [recording('complete', 'b')] }, true, true).name).toBe('ready');
  expect(madeOf({ recordings: [recording('partial', 'b')] }, true, true).name).toBe('ready');
});

test('waiting ends: what is there can be watched, what never came is not promised', () => {
  expect(madeOf({ recordings: [] }, true, false).name).toBe('none');
  expect(madeOf({ recordings: [recording('live', 'b')] }, true, false).name).toBe('ready');
  expect(madeOf(null, false, true).name).toBe('none');
});

test('it is the lesson that has just ended, not the one before', () => {
  const made = madeOf({ recordings: [recording('complete', 'a'), recording('live', 'b')] }, true, true);
  expect(made).toMatchObject({ name: 'growing', recording: { room_sid: 'b' } });
});
