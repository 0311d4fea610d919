import { expect, test } from 'vitest';
import type { Presentation } from '../api/contract';
import { inSight, pickMain, spotlightAt } from './focus';

const entry = (id: string, change: Partial<Presentation> = {}): Presentation => ({
  id,
  participant_sid: `PA_${id}`,
  identity: id,
  name: id,
  source: 'camera',
  start_ms: 0,
  end_ms: 60_000,
  has_video: true,
  has_audio: true,
  container: 'cmaf',
  path: `${id}/main.m3u8`,
  gaps: [],
  ...change,
});
const screenOf = (identity: string) => entry(`${identity}-screen`, { identity, source: 'screen_share', has_audio: false });
const voiceOf = (identity: string) => entry(`${identity}-voice`, { identity, source: 'microphone', has_video: false });

const student = entry('student');
const kim = entry('kim');
const nothing = { chosen: null, teacher: { id: 'kim', name: '김은정' }, spotlight: null, master: 'student' };

test('the instructor is large, though a student leads the clock', () => {
  expect(pickMain([student, kim], nothing)).toBe('kim');
  expect(pickMain([student, kim], { ...nothing, teacher: null })).toBe('student');
});

test('a shared screen comes first, and the instructor’s before any other', () => {
  expect(pickMain([screenOf('kim'), kim, student, screenOf('student')], nothing)).toBe('kim-screen');
  expect(pickMain([kim, student, screenOf('student')], nothing)).toBe('student-screen');
});

test('who is in the light is large, until a screen is shown', () => {
  expect(pickMain([kim, student], { ...nothing, spotlight: 'student' })).toBe('student');
  expect(pickMain([kim, student], { ...nothing, spotlight: 'gone' })).toBe('kim');
  expect(pickMain([kim, student, screenOf('kim')], { ...nothing, spotlight: 'student' })).toBe('kim-screen');
});

test('an instructor without a camera keeps the stage', () => {
  expect(pickMain([student, voiceOf('kim')], nothing)).toBe('kim-voice');
  expect(pickMain([student], nothing)).toBe('student');
});

test('what the viewer pinned stays, over a camera that goes off and on again', () => {
  const pinned = { ...nothing, chosen: { identity: 'student', source: 'camera' as const } };
  expect(pickMain([kim, student, screenOf('kim')], pinned)).toBe('student');
  expect(pickMain([kim, voiceOf('student')], pinned)).toBe('kim');
  expect(pickMain([kim, entry('student-again', { identity: 'student' })], pinned)).toBe('student-again');
});

test('without an account the name says who teaches', () => {
  const named = { ...nothing, teacher: { id: null, name: '김은정' } };
  expect(pickMain([student, entry('guest', { name: '김은정' })], named)).toBe('guest');
  expect(pickMain([student, entry('guest', { name: '' })], { ...named, teacher: { id: null, name: '' } })).toBe('student');
});

test('a voice has a tile only where its owner has no picture, and one of them', () => {
  const shown = inSight([kim, voiceOf('kim'), voiceOf('student'), { ...voiceOf('student'), id: 'again' }]);
  expect(shown.map(({ id }) => id)).toEqual(['kim', 'student-voice']);
  expect(pickMain([voiceOf('student')], nothing)).toBe('student-voice');
  expect(pickMain([], nothing)).toBeNull();
});

test('the light goes on and off by class time', () => {
  const events = [
    { at_ms: 1_000, kind: 'spotlight', data: 'student' },
    { at_ms: 1_500, kind: 'chat', data: {} },
    { at_ms: 2_000, kind: 'spotlight', data: null },
  ];
  expect([0, 1_000, 1_999, 2_000].map((ms) => spotlightAt(events, ms))).toEqual([null, 'student', 'student', null]);
});
