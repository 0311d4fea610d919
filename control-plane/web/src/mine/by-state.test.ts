import { expect, test } from 'vitest';
import type { Class } from '../api/contract';
import { nextUp } from '../home/next-up';
import { byState } from './by-state';

const entry = (id: string, state: Class['state'], starts_at_ms: number | null, created_at_ms = 0) =>
  ({ id, state, starts_at_ms, created_at_ms }) as Class;
const ids = (classes: Class[]) => classes.map(({ id }) => id);

test('what comes is soonest first, what was is latest first, the open ones last', () => {
  const lists = byState([
    entry('open', 'upcoming', null),
    entry('late', 'upcoming', 20),
    entry('soon', 'upcoming', 10),
    entry('old', 'ended', 1),
    entry('newer', 'ended', null, 5),
    entry('on', 'live', null),
  ]);
  expect(ids(lists.upcoming)).toEqual(['soon', 'late', 'open']);
  expect(ids(lists.ended)).toEqual(['newer', 'old']);
  expect(ids(lists.live)).toEqual(['on']);
});

test('next is the class that is on, else the soonest of this week', () => {
  const DAY_MS = 86_400_000;
  const soon = entry('soon', 'upcoming', 2 * DAY_MS);
  const tomorrow = entry('tomorrow', 'upcoming', DAY_MS);
  expect(nextUp([soon, tomorrow], 0)?.id).toBe('tomorrow');
  expect(nextUp([soon, entry('on', 'live', 0)], 0)?.id).toBe('on');
  expect(
    nextUp([entry('far', 'upcoming', 30 * DAY_MS), entry('open', 'upcoming', null), entry('was', 'ended', 1)], 0),
  ).toBeNull();
});
