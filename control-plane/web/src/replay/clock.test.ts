import { expect, test } from 'vitest';
import type { Presentation } from '../api/contract';
import { correct, endOf, gapEnd, isActive, pickMaster } from './clock';
import { manifestPath, manifestUrl } from './source';

const entry = (id: string, start_ms: number, end_ms: number, change: Partial<Presentation> = {}): Presentation => ({
  id,
  participant_sid: `PA_${id}`,
  identity: id,
  name: id,
  source: 'camera',
  start_ms,
  end_ms,
  has_video: true,
  has_audio: true,
  container: 'cmaf',
  path: `${id}/main.m3u8`,
  gaps: [],
  ...change,
});

test('small drift is left alone, more is pulled inaudibly, much is jumped', () => {
  expect(correct(10, 1)).toEqual({ seek: false, rate: 1 });
  expect(correct(-15, 1.5)).toEqual({ seek: false, rate: 1.5 });
  const ahead = correct(50, 1);
  expect(ahead.seek).toBe(false);
  for (const drift of [-299, -100, 100, 299]) {
    const answer = correct(drift, 2);
    if (answer.seek) throw new Error('a drift of 299 ms is pulled');
    expect(Math.sign(answer.rate - 2)).toBe(-Math.sign(drift));
    expect(answer.rate / 2).toBeGreaterThanOrEqual(0.97);
    expect(answer.rate / 2).toBeLessThanOrEqual(1.03);
  }
  expect(correct(301, 1)).toEqual({ seek: true });
  expect(correct(-301, 1)).toEqual({ seek: true });
});

test('pulling converges without swinging', () => {
  let drift = 280;
  for (let tick = 0; tick < 400; tick++) {
    const answer = correct(drift, 1);
    if (answer.seek) throw new Error('no jump needed');
    const next = drift + (answer.rate - 1) * 100;
    expect(Math.abs(next)).toBeLessThanOrEqual(Math.abs(drift));
    drift = next;
  }
  expect(Math.abs(drift)).toBeLessThan(21);
});

test('the clock is the longest camera with sound, and does not change without need', () => {
  const teacher = entry('teacher', 0, 60_000);
  const student = entry('student', 5_000, 20_000);
  const screen = entry('screen', 0, 90_000, { source: 'screen_share', has_audio: false });
  const voice = entry('voice', 0, 90_000, { source: 'microphone', has_video: false });
  expect(pickMaster([screen, voice, student, teacher], null)?.id).toBe('teacher');
  expect(pickMaster([screen, voice, student, teacher], 'student')?.id).toBe('student');
  expect(pickMaster([screen, voice, student], 'voice')?.id).toBe('student');
  expect(pickMaster([screen, voice], null)?.id).toBe('voice');
  expect(pickMaster([], 'gone')).toBeNull();
});

test('what reaches the end of a running class goes on, what ended before does not', () => {
  const live = { state: 'live', duration_ms: 60_000 } as const;
  const running = entry('running', 0, 59_000);
  const over = entry('over', 0, 30_000);
  expect(isActive(running, live, 60_000)).toBe(true);
  expect(endOf(over, live)).toBe(30_000);
  expect(isActive(over, live, 30_000)).toBe(false);
  expect(isActive(running, { ...live, state: 'complete' }, 59_500)).toBe(false);
});

test('a player at a hole is sent to its end', () => {
  const holed = entry('holed', 0, 60_000, { gaps: [{ start_ms: 10_000, end_ms: 14_000 }] });
  expect(gapEnd(holed, 9_900)).toBe(14_000);
  expect(gapEnd(holed, 14_000)).toBeNull();
  expect(gapEnd(holed, 5_000)).toBeNull();
});

test('a recording named in the address stays below the node', () => {
  expect(manifestPath('/ink-1/RM_abc/manifest.json')).toBe('/ink-1/RM_abc/manifest.json');
  const node = { id: 'n', region: 'r', url: 'http://cdn.example/', distance_km: null };
  for (const path of ['/ink-1/RM_abc/manifest.json', 'ink-1/RM_abc/manifest.json']) {
    expect(manifestUrl(node, manifestPath(path) ?? '')).toBe('http://cdn.example/ink-1/RM_abc/manifest.json');
  }
  for (const path of [
    null,
    '',
    '/../RM_a/manifest.json',
    '//evil.example/manifest.json',
    '/a/b/other.json',
    'https://evil.example/a/manifest.json',
  ]) {
    expect(manifestPath(path), String(path)).toBeNull();
  }
});
