import { expect, test } from 'vitest';
import { en } from './en';
import { bitrate, clock, percent } from './format';
import { type Key, ko } from './ko';
import { fill } from '.';

test('both languages fill in the same values', () => {
  const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
  for (const key of Object.keys(ko) as Key[]) {
    expect(names(en[key]), key).toEqual(names(ko[key]));
    expect(en[key].trim(), key).not.toBe('');
  }
});

test('a value that is missing stays visible', () => {
  expect(fill('{a} and {b}', { a: 0 })).toBe('0 and {b}');
});

test('times and rates read as people write them', () => {
  expect([0, 59_999, 61_000, 3_729_000].map(clock)).toEqual(['0:00', '0:59', '1:01', '1:02:09']);
  expect([0, 999, 64_000, 1_250_000, 250_000_000].map(bitrate)).toEqual([
    '0',
    '999 bit/s',
    '64.0 kbit/s',
    '1.3 Mbit/s',
    '250 Mbit/s',
  ]);
  expect([0, 0.004, 0.5].map(percent)).toEqual(['0%', '0.4%', '50%']);
});
