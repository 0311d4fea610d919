import { expect, test } from 'vitest';
import { day, dayAndHour, momentOf, sameClock, wallClock, zoneName } from './time';

const EVENING = Date.UTC(2026, 10, 23, 10, 30);

test('a moment reads in the zone and language asked for', () => {
  expect(dayAndHour('ko', EVENING, 'Asia/Seoul', EVENING)).toBe('11월 23일 (월) 오후 7:30');
  expect(dayAndHour('en', EVENING, 'Europe/Paris', EVENING)).toBe('Mon 23 November 11:30');
  expect(day('ko', EVENING, 'Asia/Seoul', Date.UTC(2027, 1, 1))).toBe('2026년 11월 23일 (월)');
  expect(zoneName('ko', 'Asia/Seoul', EVENING)).toMatch(/한국 표준시/);
  expect(zoneName('en', 'Not/AZone', EVENING)).toBe('Not/AZone');
});

test('a clock in a zone and the moment it means are each other’s inverse', () => {
  for (const zone of ['Asia/Seoul', 'America/New_York', 'Asia/Kolkata', 'Pacific/Kiritimati', 'UTC']) {
    for (let ms = EVENING; ms < EVENING + 400 * 86_400_000; ms += 37 * 3_600_000) {
      const { date, time } = wallClock(ms, zone);
      expect(momentOf(date, time, zone), `${zone} ${date} ${time}`).toBe(ms);
    }
  }
});

test('hours that a change of the clock skips or repeats mean one moment', () => {
  // 02:30 does not exist: the clock goes from 02:00 to 03:00.
  expect(wallClock(momentOf('2026-03-08', '02:30', 'America/New_York') ?? 0, 'America/New_York').time).toBe('03:30');
  // 01:30 comes twice: the first is still summer time.
  expect(momentOf('2026-11-01', '01:30', 'America/New_York')).toBe(Date.UTC(2026, 10, 1, 5, 30));
  expect(momentOf('', '', 'Asia/Seoul')).toBeNull();
});

test('two zones may show the same clock', () => {
  expect(sameClock('Asia/Seoul', 'Asia/Tokyo', EVENING)).toBe(true);
  expect(sameClock('Asia/Seoul', 'Europe/Paris', EVENING)).toBe(false);
});
