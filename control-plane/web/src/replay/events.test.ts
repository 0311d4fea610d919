import { expect, test } from 'vitest';
import type { TimelineEvent } from '../api/contract';
import { fill, type Translate } from '../i18n';
import { en } from '../i18n/en';
import { describeEvent, readable } from './events';

const t: Translate = (key, values) => fill(en[key], values);
const event = (at_ms: number, kind: string, data: unknown): TimelineEvent => ({ at_ms, kind, data });

test('the list is what a reader looks for, with names', () => {
  const list = readable([
    event(0, 'join', { identity: 'u-1', name: 'Mina' }),
    event(1, 'publish', { identity: 'u-1', name: 'Mina', source: 'camera' }),
    event(2, 'mute', { identity: 'u-1' }),
    event(3, 'publish', { identity: 'u-1', name: 'Mina', source: 'screen_share' }),
    event(4, 'chat', { id: 'a', identity: 'u-1', text: 'helo' }),
    event(5, 'chat', { id: 'b', identity: 'u-1', text: 'oops' }),
    event(6, 'chat', { id: 'a', identity: 'u-1', text: 'hello', edited: true }),
    event(7, 'chat', { id: 'b', identity: 'u-1', text: '', deleted: true }),
    event(8, 'quiz', 'odd'),
  ]);
  expect(list.map((entry) => [entry.at_ms, describeEvent(t, entry)])).toEqual([
    [0, 'Mina came in'],
    [3, 'Mina shared a screen'],
    [4, 'Mina: hello'],
    [8, 'quiz'],
  ]);
});

test('what is said anew at each change stands once, and what was hidden is gone', () => {
  const list = readable([
    event(1, 'quiz', { id: 'q', title: 'Strokes', state: 'open' }),
    event(2, 'chat', { id: 'm', from: { id: 'u-1', name: 'Mina' }, text: 'rude' }),
    event(3, 'question', { id: 'k', text: 'Why?', votes: 0, state: 'open' }),
    event(4, 'question', { id: 'k', votes: 1, state: 'open' }),
    event(5, 'quiz', { id: 'q', title: 'Strokes', state: 'revealed' }),
    event(6, 'chat', { id: 'm', hidden: true }),
  ]);
  expect(list.map((entry) => [entry.at_ms, describeEvent(t, entry)])).toEqual([
    [1, 'Quiz: Strokes'],
    [3, 'Question: Why?'],
  ]);
});

test('of the queue of hands only who joins it is told', () => {
  const hand = (id: string) => ({ account: { id, name: id.toUpperCase() }, raised_at_ms: 1 });
  const list = readable([
    event(1, 'hand', [hand('a')]),
    event(2, 'hand', [hand('a'), hand('b')]),
    event(3, 'hand', [hand('b')]),
    event(4, 'hand', []),
    event(5, 'hand', [hand('a')]),
  ]);
  expect(list.map((entry) => [entry.at_ms, describeEvent(t, entry)])).toEqual([
    [1, 'A raised a hand'],
    [2, 'B raised a hand'],
    [5, 'A raised a hand'],
  ]);
});
