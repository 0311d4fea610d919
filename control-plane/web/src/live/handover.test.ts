import { expect, test } from 'vitest';
import { missing, readMoveWord } from './handover';

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const edge = { id: 'jeju', region: 'jeju', url: 'http://jeju.example', distance_km: null, reason: 'nearest' };

test('only the words that are known are heard', () => {
  expect(readMoveWord(bytes({ type: 'move', token: 't', edges: [edge] }))).toEqual({ type: 'move', token: 't', edges: [edge] });
  expect(readMoveWord(bytes({ type: 'moved', more: 1 }))).toEqual({ type: 'moved' });
  for (const wrong of ['', 'null', '[]', '{', { type: 'move' }, { type: 'move', token: 't', edges: [] }, { type: 'stay' }]) {
    expect(readMoveWord(bytes(wrong))).toBeNull();
  }
  expect(readMoveWord(bytes({ type: 'move', token: 't', edges: [null, { id: 1 }] }))).toBeNull();
});

test('a second room has to have what the first one shows, and no more', () => {
  const stream = (sid: string, change = {}) => ({ sid, idle: false, flows: true, ...change });
  const first = [stream('camera'), stream('voice'), stream('muted', { idle: true })];
  expect(missing(first, [])).toEqual(['camera', 'voice']);
  expect(missing(first, [stream('camera', { flows: false }), stream('voice')])).toEqual(['camera']);
  expect(missing(first, [stream('camera'), stream('voice'), stream('more')])).toEqual([]);
  expect(missing([], [])).toEqual([]);
});
