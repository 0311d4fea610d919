import { expect, test } from 'vitest';
import { gridShape } from './grid';
import { lossBetween } from './measure';
import { orderPeople } from './order';
import { maySend } from './person';
import { withPictures } from './pictures';
import { judge, Steady } from './verdict';
import type { Measure, Person } from './view';

const person = (identity: string, change: Partial<Person> = {}): Person => ({
  identity,
  name: identity,
  local: false,
  role: 'student',
  region: null,
  edge: null,
  handAt: 0,
  micOpen: true,
  camera: null,
  screen: null,
  speaking: false,
  canSpeak: true,
  canShare: false,
  spokeAt: 0,
  quality: 'good',
  ...change,
});
const order = (people: Person[], before: string[], places: number) =>
  orderPeople(people, before, places)
    .map(({ identity }) => identity)
    .join(' ');

test('nobody moves while nobody out of sight speaks', () => {
  const people = [
    person('me', { local: true }),
    person('a'),
    person('teacher', { role: 'instructor' }),
    person('b', { speaking: true }),
  ];
  expect(order(people, [], 4)).toBe('teacher a b me');
  expect(order(people, ['teacher', 'b', 'me', 'a'], 4)).toBe('teacher b me a');
});

test('a speaker out of sight takes the place of who has been silent longest, never of the instructor or oneself', () => {
  const people = [
    person('teacher', { role: 'instructor' }),
    person('me', { local: true }),
    person('a', { spokeAt: 500 }),
    person('b', { spokeAt: 100 }),
    person('c'),
    person('d', { speaking: true, spokeAt: 900 }),
  ];
  expect(order(people, ['teacher', 'me', 'a', 'b', 'c', 'd'], 4)).toBe('teacher me a d c b');
  expect(order(people, ['teacher', 'me', 'a', 'b', 'c', 'd'], 2)).toBe('teacher me a b c d');
});

test('tiles are as large as they can be, and no smaller than a face needs', () => {
  expect(gridShape(1, 1280, 620).columns).toBe(1);
  expect(gridShape(4, 1280, 620)).toMatchObject({ columns: 2, shown: 4 });
  expect(gridShape(2, 360, 560).columns).toBe(1);
  expect(gridShape(6, 344, 600)).toMatchObject({ columns: 2, shown: 6 });
  const { tileWidth, tileHeight } = gridShape(3, 1280, 620);
  expect(tileWidth / tileHeight).toBeGreaterThan(1.49);
  const crowd = gridShape(200, 360, 500);
  expect(crowd.shown).toBeLessThan(20);
  expect(crowd.tileWidth).toBeGreaterThanOrEqual(150);
});

test('the verdict says what is wrong and what to do', () => {
  const connected = { name: 'connected' } as const;
  const measure = (change: Partial<Measure>): Measure => ({ quality: 'good', rttMs: 30, loss: 0, ...change });
  const says = (change: Partial<Measure>) => {
    const verdict = judge(connected, measure(change));
    return [verdict.grade, verdict.text];
  };
  expect(says({})).toEqual(['good', 'verdict.good.text']);
  expect(says({ loss: 0.04 })).toEqual(['fair', 'verdict.loss.text']);
  expect(says({ loss: 0.12, rttMs: 900 })).toEqual(['weak', 'verdict.loss.text']);
  expect(says({ rttMs: 320 })).toEqual(['fair', 'verdict.latency.text']);
  expect(says({ quality: 'poor' })).toEqual(['weak', 'verdict.weak.text']);
  expect(says({ quality: 'unknown', rttMs: null, loss: null })).toEqual(['unknown', null]);
  expect(judge({ name: 'reconnecting' }, measure({})).grade).toBe('weak');
  expect(judge({ name: 'moving' }, measure({})).grade).toBe('lost');
});

test('loss is of the last interval, and counters that start over say nothing', () => {
  expect(lossBetween({ received: 100, lost: 50 }, { received: 190, lost: 60 })).toBeCloseTo(0.1);
  expect(lossBetween({ received: 100, lost: 0 }, { received: 100, lost: 0 })).toBeNull();
  expect(lossBetween({ received: 100, lost: 0 }, { received: 20, lost: 0 })).toBeNull();
});

test('one bad second is no verdict, a lost connection is told at once', () => {
  const steady = new Steady();
  const grade = (loss: number, nowMs: number, name: 'connected' | 'moving' = 'connected') =>
    steady.take(judge({ name }, { quality: 'good', rttMs: 30, loss }), nowMs).grade;
  expect(grade(0, 0)).toBe('good');
  expect([grade(0.2, 2_000), grade(0, 4_000), grade(0.2, 6_000), grade(0.2, 8_000)]).toEqual(['good', 'good', 'good', 'good']);
  expect(grade(0.2, 10_000)).toBe('weak');
  expect([grade(0, 12_000), grade(0, 18_000), grade(0, 20_000)]).toEqual(['weak', 'weak', 'good']);
  expect(grade(0, 21_000, 'moving')).toBe('lost');
  expect(grade(0, 22_000)).toBe('good');
});

test('what is not wanted is not asked for: only the instructor’s picture, or none but one’s own', () => {
  const camera = { id: 'x', attach: () => undefined, detach: () => undefined };
  const people = [
    person('me', { local: true, camera }),
    person('teacher', { role: 'instructor', camera, screen: camera }),
    person('a', { camera, screen: camera }),
  ];
  const seen = (pictures: 'all' | 'teacher' | 'none') =>
    withPictures(people, pictures).map(({ camera: face, screen }) => `${face ? 'c' : '-'}${screen ? 's' : '-'}`);
  expect(seen('all')).toEqual(['c-', 'cs', 'cs']);
  expect(seen('teacher')).toEqual(['c-', 'cs', '-s']);
  expect(seen('none')).toEqual(['c-', '--', '--']);
});

test('what one may send is by source, and no list means all', () => {
  const may = (canPublish: boolean, ...canPublishSources: number[]) => maySend({ canPublish, canPublishSources });
  expect(maySend(undefined)).toEqual({ canSpeak: true, canShare: true });
  expect(may(true)).toEqual({ canSpeak: true, canShare: true });
  expect(may(true, 1, 2)).toEqual({ canSpeak: true, canShare: false });
  expect(may(true, 3, 4)).toEqual({ canSpeak: false, canShare: true });
  expect(may(false)).toEqual({ canSpeak: false, canShare: false });
});
