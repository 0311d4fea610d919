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
