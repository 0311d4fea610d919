import { expect, test } from 'vitest';
import type { ClassEvent, TimelineEvent } from '../api/contract';
import { chatOf, dueQuiz, merge, pollsOf, quizzesOf, slideAt, slidesOf } from './happenings';
import { isListed } from './events';
import { resumeAt, sendAll, WatchedSpans } from './watched';

const items = [{ id: 'i', kind: 'single', text: '?', choices: [] }];
const told: ClassEvent[] = [
  { at_ms: 30_000, kind: 'quiz', data: { id: 'q', title: 'Q', items } },
  { at_ms: 5_000, kind: 'chat', data: { id: 'm', from: { id: 'a', name: 'Mina' }, text: 'hi' } },
  { at_ms: 9_000, kind: 'poll', data: { id: 'p', question: '?', choices: [] } },
];
const recorded: TimelineEvent[] = [
  { at_ms: 0, kind: 'join', data: { name: 'Mina' } },
  { at_ms: 5_100, kind: 'chat', data: { identity: 'a', text: 'hi' } },
  { at_ms: 30_100, kind: 'quiz', data: { id: 'q' } },
];

test('two timelines are one, each thing once and with a name', () => {
  const events = merge(recorded, told);
  expect(events.map(({ at_ms, kind }) => `${at_ms} ${kind}`)).toEqual(['0 join', '5000 chat', '9000 poll', '30000 quiz']);
  expect(chatOf(events)).toEqual([{ id: 'm', name: 'Mina', text: 'hi', atMs: 5_000 }]);
  expect(pollsOf(events)[0]?.poll.id).toBe('p');
  // Without the control plane the recording's own chat is shown.
  expect(chatOf(merge(recorded, []))).toMatchObject([{ name: 'a', text: 'hi' }]);
  expect(quizzesOf(merge(recorded, []))).toEqual([]);
});

test('slides by class time, and the time none was shown', () => {
  const slide = (page: number) => ({ title: '획', page, material: 'f_1', at_ms: 1 });
  const shown: ClassEvent[] = [
    { at_ms: 1_000, kind: 'slide', data: slide(1) },
    { at_ms: 3_900, kind: 'slide', data: slide(9) },
    { at_ms: 4_000, kind: 'slide', data: slide(2) },
    { at_ms: 8_000, kind: 'slide', data: null },
  ];
  const own: TimelineEvent[] = [
    { at_ms: 1_010, kind: 'slide', data: slide(1) },
    { at_ms: 2_500, kind: 'slide', data: 'odd' },
  ];
  const slides = slidesOf(merge(own, shown));
  expect(slides.map((timed) => [timed.atMs, timed.slide?.page])).toEqual([[1_000, 1], [4_000, 2], [8_000, undefined]]);
  expect([0, 1_000, 7_999, 8_000].map((ms) => slideAt(slides, ms))).toEqual([-1, 0, 1, -1]);
  expect(slidesOf(merge(own, []))).toMatchObject([{ atMs: 1_010, slide: { page: 1 } }]);
  expect(merge(own, shown).filter(isListed)).toHaveLength(3);
});

test('a quiz opens when playing comes to it, not when somebody jumps over it, and not twice', () => {
  const quizzes = quizzesOf(merge([], told));
  const due = (before: number, now: number, done: string[] = [], passed = 100) =>
    dueQuiz(quizzes, before, now, passed, new Set(done))?.quiz.id ?? null;
  expect(due(29_900, 30_000)).toBe('q');
  expect(due(30_000, 30_100)).toBeNull();
  expect(due(20_000, 40_000)).toBeNull();
  // A page that was held up for long has played all the same.
  expect(due(20_000, 40_000, [], 19_000)).toBe('q');
  expect(due(31_000, 29_000)).toBeNull();
  expect(due(29_900, 30_000, ['q'])).toBeNull();
  const answered = quizzesOf(merge([], [{ ...told[0]!, data: { id: 'q', items, mine: { answers: {} } } }]));
  expect(dueQuiz(answered, 29_900, 30_000, 100, new Set())).toBeNull();
});

test('watched spans: what played, where one went back, where one left', () => {
  const spans = new WatchedSpans('RM');
  const play = (from: number, to: number) => {
    for (let at = from; at <= to; at += 1_000) spans.look(at, true);
  };
  play(0, 5_000);
  spans.look(5_000, false);
  play(5_000, 9_000);
  spans.look(2_000, true);
  play(3_000, 4_000);
  spans.look(60_000, true);
  expect(spans.take(false).map(({ from_ms, to_ms, event }) => [event, from_ms, to_ms])).toEqual([
    ['play', 0, 5_000],
    ['play', 5_000, 9_000],
    ['seek-back', 9_000, 2_000],
    ['play', 2_000, 4_000],
  ]);
  spans.look(61_000, true);
  const last = spans.take(true);
  expect(last).toEqual([{ room_sid: 'RM', from_ms: 60_000, to_ms: 61_000, event: 'leave' }]);
  spans.putBack(last);
  expect(spans.take(true)).toEqual(last);
});

test('one goes on where one left, unless that was hardly begun or all but over', () => {
  expect(resumeAt('60000', 120_000)).toBe(60_000);
  expect([resumeAt(null, 1e6), resumeAt('5000', 1e6), resumeAt('119000', 120_000), resumeAt('x', 1e6)]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test('an hour watched while nobody answers is one span, and what is more than a call takes goes out in several', async () => {
  const spans = new WatchedSpans('RM');
  for (let at = 0; at <= 3_600_000; at += 1_000) {
    spans.look(at, true);
    if (at % 30_000 === 0) spans.putBack(spans.take(false));
  }
  expect(spans.take(true)).toEqual([{ room_sid: 'RM', from_ms: 0, to_ms: 3_600_000, event: 'play' }]);
  const back = Array.from({ length: 120 }, (_, at) => ({ room_sid: 'RM', from_ms: at, to_ms: 0, event: 'seek-back' as const }));
  const sent: number[] = [];
  const send = async (batch: unknown[]) => void sent.push(batch.length);
  expect(await sendAll(back, send)).toEqual([]);
  expect(sent).toEqual([50, 50, 20]);
  const once = async (batch: unknown[]) => {
    if (sent.push(batch.length) > 4) throw new Error('away');
  };
  expect(await sendAll(back, once)).toEqual(back.slice(50));
});
