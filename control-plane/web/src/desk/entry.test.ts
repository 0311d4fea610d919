import { expect, test } from 'vitest';
import type { Class } from '../api/contract';
import { blankEntry, changesOf, type ClassEntry, entryOf, faultsOf, specOf } from './entry';

const NOW = Date.UTC(2026, 10, 21, 0, 0);
const entry = (change: Partial<ClassEntry>): ClassEntry => ({
  ...blankEntry('ko', NOW),
  title: '붓글씨',
  zone: 'Asia/Seoul',
  date: '2026-11-23',
  time: '19:30',
  ...change,
});
const faults = (change: Partial<ClassEntry>, fresh = true) => [...faultsOf(entry(change), { fresh, nowMs: NOW })];

test('what is typed in a zone becomes a moment, and comes back the same', () => {
  const spec = specOf(entry({ capacity: '12', zone: 'America/New_York' }));
  expect(spec).toMatchObject({ starts_at_ms: Date.UTC(2026, 10, 24, 0, 30), capacity: 12, time_zone: 'America/New_York' });
  const again = entryOf({ ...spec, description: '', category: 'craft' } as Class);
  expect(again).toMatchObject({ date: '2026-11-23', time: '19:30', zone: 'America/New_York', capacity: '12' });
});

test('a class without an hour or a limit says so', () => {
  expect(specOf(entry({ scheduled: false }))).toMatchObject({ starts_at_ms: null, capacity: null });
  expect(specOf(entry({ category: '' }))).not.toHaveProperty('category');
});

test('every fault is found, and nothing else', () => {
  expect(faults({})).toEqual([]);
  expect(faults({ title: ' ', date: '', duration: '0', capacity: '1.5' })).toEqual(['title', 'when', 'duration', 'capacity']);
  expect(faults({ date: '2026-11-20' })).toEqual(['past']);
  expect(faults({ date: '2026-11-20' }, false)).toEqual([]);
  expect(faults({ scheduled: false, date: '' })).toEqual([]);
});

test('a change tells what it changes and nothing else', () => {
  expect(changesOf(entry({}), entry({}))).toEqual({});
  expect(changesOf(entry({ capacity: '12' }), entry({ capacity: '', title: '붓글씨 ' }))).toEqual({ capacity: null });
  expect(changesOf(entry({}), entry({ time: '20:30' }))).toEqual({ starts_at_ms: Date.UTC(2026, 10, 23, 11, 30) });
});
