import { expect, test } from 'vitest';
import { byMinute, choicesOf, largest, trendOf } from './reading';
import { countByStatus } from './status';

test('every minute of the class has its place', () => {
  expect(
    byMinute(
      [
        { minute: 2, n: 3 },
        { minute: 0, n: 1 },
        { minute: 2, n: 1 },
      ],
      240_000,
    ),
  ).toEqual([1, 0, 4, 0]);
  expect(byMinute([{ minute: 5, n: 1 }], 60_000)).toHaveLength(6);
  expect(
    byMinute(
      [
        { minute: -1, n: 9 },
        { minute: 1e9, n: 9 },
      ],
      0,
    ),
  ).toHaveLength(1_440);
});

test('choices and parts come largest first', () => {
  expect(
    choicesOf(
      [
        { text: 'x', n: 0 },
        { text: 'y', n: 2 },
      ],
      [
        { text: 'z', n: 4 },
        { text: 'x', n: 1 },
      ],
    ),
  ).toEqual([
    { text: 'y', n: 2, replay: 0 },
    { text: 'x', n: 0, replay: 1 },
    { text: 'z', n: 0, replay: 4 },
  ]);
  expect(largest({ seoul: 2, jeju: 7, busan: 2, mokpo: 0 }, 2)).toEqual([
    { name: 'jeju', n: 7 },
    { name: 'busan', n: 2 },
  ]);
});

test('a trend is more than noise', () => {
  expect(trendOf([1, 1, 2, 4])).toBe('rising');
  expect(trendOf([5, 5, 1, 0])).toBe('falling');
  expect(trendOf([5, 4, 9, 5, 5])).toBe('steady');
  expect(trendOf([])).toBe('steady');
});

test('everybody is counted once', () => {
  expect(countByStatus([{ status: 'present' }, { status: 'late' }, { status: 'present' }])).toEqual({
    present: 2,
    late: 1,
    partial: 0,
    absent: 0,
  });
});
