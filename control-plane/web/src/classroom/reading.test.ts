import { expect, test } from 'vitest';
import type { Question, QuizItem } from '../api/contract';
import { changeKind, draftOf, emptyDraft, emptyItem, faultOf, pollOf, quizOf, removeChoice, toggleRight } from './draft';
import type { ParcelView } from './outbox';
import { barsOf, choose, conversation, handQueue, isComplete, pile, secondsLeft } from './reading';

const item: QuizItem = {
  id: 'i1',
  kind: 'multiple',
  text: '?',
  choices: [
    { id: 'a', text: 'A' },
    { id: 'b', text: 'B' },
  ],
};
const tally = { answered: 4, items: { i1: { a: 3, b: 1 } }, correct: { i1: 2 } };

test('a timer runs by the server’s clock', () => {
  expect(secondsLeft({ state: 'open', closes_at_ms: 100_000 }, 60_000, 30_000)).toBe(10);
  expect(secondsLeft({ state: 'open', closes_at_ms: 100_000 }, 99_500, 30_000)).toBe(0);
  expect(secondsLeft({ state: 'closed', closes_at_ms: 100_000 }, 0, 0)).toBeNull();
  expect(secondsLeft({ state: 'open' }, 0, 0)).toBeNull();
});

test('the queue of hands is in order, each person once, and knows hands only the room has', () => {
  const hands = [{ account: { id: 'b', name: 'B' }, raised_at_ms: 20 }];
  const people = [
    { identity: 'b', name: 'B', handAt: 19 },
    { identity: 'a', name: 'A', handAt: 10 },
    { identity: 'c', name: 'C', handAt: 0 },
  ];
  expect(handQueue(hands, people).map(({ identity }) => identity)).toEqual(['a', 'b']);
  expect(handQueue(hands, people, new Set(['a'])).map(({ identity }) => identity)).toEqual(['b']);
});

test('the pile: most wanted first, answered below, hidden only for who teaches', () => {
  const ask = (id: string, votes: number, state: Question['state'], at_ms = 0): Question => ({
    id,
    votes,
    state,
    at_ms,
    from: null,
    text: id,
    replay: false,
    voted: false,
  });
  const all = [
    ask('x', 1, 'open', 5),
    ask('y', 3, 'open'),
    ask('z', 9, 'answered'),
    ask('h', 0, 'hidden'),
    ask('w', 1, 'open', 2),
  ];
  expect(pile(all, false).map(({ id }) => id)).toEqual(['y', 'w', 'x', 'z']);
  expect(pile(all, true).map(({ id }) => id)).toEqual(['y', 'w', 'x', 'z', 'h']);
});

test('a conversation has each message once, waiting ones among them', () => {
  const me = { id: 'me', name: 'Me' };
  const parcel = (id: string, at_ms: number): ParcelView => ({
    parcel: { id, kind: 'chat', account: 'me', class: 'c', about: '', body: { text: id }, at_ms },
    state: 'waiting',
    saved: true,
    tries: 0,
    error: null,
    result: undefined,
  });
  const lines = conversation(
    [{ id: 'm1', from: me, text: 'one', at_ms: 1 }],
    [parcel('m1', 1), parcel('m3', 3)],
    [{ id: 'sdk', identity: 'p', name: 'P', text: 'two', atMs: 2 }],
    me,
  );
  expect(lines.map(({ id, parcel: waiting }) => [id, waiting !== undefined])).toEqual([
    ['m1', false],
    ['sdk', false],
    ['m3', true],
  ]);
});

test('choosing: one in a single choice, any number elsewhere; all items make an answer', () => {
  const single = { ...item, kind: 'single' as const };
  expect(choose(single, { i1: ['a'] }, 'b')).toEqual({ i1: ['b'] });
  expect(choose(item, choose(item, {}, 'a'), 'b')).toEqual({ i1: ['a', 'b'] });
  expect(choose(item, { i1: ['a', 'b'] }, 'a')).toEqual({ i1: ['b'] });
  expect(isComplete([item], { i1: [' '] })).toBe(false);
  expect(isComplete([item], { i1: ['a'] })).toBe(true);
});

test('bars are shares of those who answered, right ones marked, odd short answers together', () => {
  expect(barsOf(item, tally, { i1: ['a'] })).toMatchObject([
    { id: 'a', share: 0.75, right: true },
    { id: 'b', share: 0.25, right: false },
  ]);
  const short = { ...item, kind: 'short' as const, choices: [] };
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`t${n}`, n + 1]));
  const bars = barsOf(short, { answered: 45, items: { i1: many }, correct: {} }, { i1: ['t8'] });
  expect([bars.length, bars[0]?.id, bars[0]?.right, bars.at(-1)?.count]).toEqual([7, 't8', true, 6]);
  expect(barsOf(item, { answered: 0, items: {}, correct: {} }, undefined)[0]?.share).toBe(0);
});

test('a draft says what it lacks, and becomes a quiz and a draft again', () => {
  const draft = emptyDraft();
  expect(faultOf(draft)).toEqual({ item: 0, key: 'quiz.fault.text' });
  const first = { ...emptyItem('multiple'), text: ' Which? ', choices: ['A', '', 'C', 'D'], right: [0, 3] };
  const second = { ...emptyItem('short'), text: 'Name it', accepted: '붓, 모필 , 붓' };
  expect(faultOf({ ...draft, items: [{ ...first, right: [1] }] })?.key).toBe('quiz.fault.key');
  expect(faultOf({ ...draft, items: [{ ...first, choices: ['A', 'A'] }] })?.key).toBe('quiz.fault.same');
  const whole = { ...draft, items: [first, second], timeLimitS: 0 };
  expect(faultOf(whole)).toBeNull();
  const quiz = quizOf(whole);
  expect(quiz).toEqual({
    title: 'Which?',
    time_limit_s: null,
    items: [
      {
        id: 'i1',
        kind: 'multiple',
        text: 'Which?',
        choices: [
          { id: 'c1', text: 'A' },
          { id: 'c2', text: 'C' },
          { id: 'c3', text: 'D' },
        ],
      },
      { id: 'i2', kind: 'short', text: 'Name it', choices: [] },
    ],
    key: { i1: ['c1', 'c3'], i2: ['붓', '모필'] },
  });
  expect(quizOf(draftOf(quiz))).toEqual(quiz);
});

test('the key follows the choices as they change', () => {
  const item = { ...emptyItem('multiple'), choices: ['A', 'B', 'C'], right: [0, 2] };
  expect(removeChoice(item, 0)).toMatchObject({ choices: ['B', 'C'], right: [1] });
  expect(toggleRight(item, 1).right).toEqual([0, 1, 2]);
  expect(toggleRight(changeKind(item, 'single'), 1).right).toEqual([1]);
  expect(pollOf({ question: ' q ', choices: ['x', ' ', 'y'], multiple: false, anonymous: true })).toEqual({
    question: 'q',
    choices: [
      { id: 'c1', text: 'x' },
      { id: 'c2', text: 'y' },
    ],
    multiple: false,
    anonymous: true,
  });
});
