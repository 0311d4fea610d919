import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Feed } from './feed';
import type { LiveState, Quiz, RoomWord } from '../api/contract';
import { applyWord, EMPTY, parseWord } from './state';

const quiz: Quiz = {
  id: 'q1',
  title: '획',
  items: [{ id: 'i1', kind: 'single', text: '?', choices: [] }],
  time_limit_s: null,
  state: 'open',
};
const live = (change: Partial<LiveState> = {}): LiveState => ({ ...EMPTY, v: 4, ...change });
const bytes = (word: unknown) => new TextEncoder().encode(JSON.stringify(word));
const who = (id: string) => ({ id, name: id });
const chat = (id: string) => ({ id, from: who('a'), text: id, at_ms: 1 });

test('words apply in order, old ones are nothing new, a jump asks', () => {
  const next = applyWord(live(), { v: 5, kind: 'chat', chat: chat('m1') });
  expect(next.live.chat.map(({ id }) => id)).toEqual(['m1']);
  expect(next.live.v).toBe(5);
  expect(applyWord(next.live, { v: 5, kind: 'chat', chat: chat('m2') })).toEqual({ live: next.live, refetch: false });
  expect(applyWord(next.live, { v: 7, kind: 'chat', chat: chat('m3') })).toEqual({ live: next.live, refetch: true });
});

test('a public part keeps what is mine, and a revealed quiz asks for the rest', () => {
  const mine = { answers: { i1: ['c'] } };
  const before = live({ quizzes: [{ ...quiz, mine }] });
  const closed = applyWord(before, { v: 5, kind: 'quiz', quiz: { ...quiz, state: 'closed', mine: null } });
  expect(closed).toMatchObject({ refetch: false, live: { quizzes: [{ state: 'closed', mine }] } });
  expect(applyWord(closed.live, { v: 6, kind: 'quiz', id: 'q1', state: 'revealed' })).toMatchObject({
    refetch: true,
    live: { v: 6, quizzes: [{ state: 'revealed', mine, items: quiz.items }] },
  });
});

test('hands keep their order, and go down by account', () => {
  const up = (v: number, id: string, raised_at_ms: number): RoomWord => ({
    v,
    kind: 'hand',
    hand: { account: who(id), raised_at_ms },
  });
  let state = live();
  for (const word of [up(5, 'b', 20), up(6, 'a', 10), up(7, 'c', 30)]) state = applyWord(state, word).live;
  expect(state.hands.map(({ account }) => account.id)).toEqual(['a', 'b', 'c']);
  const down = applyWord(state, { v: 8, kind: 'hand', account: 'a', up: false });
  expect(down.live.hands.map(({ account }) => account.id)).toEqual(['b', 'c']);
});

test('what is said of others: hidden, gone, lit, locked', () => {
  const before = live({ chat: [chat('m1')], quizzes: [quiz] });
  expect(applyWord(before, { v: 5, kind: 'chat', chat: { id: 'm1', hidden: true } }).live.chat[0]).toMatchObject({
    hidden: true,
    text: 'm1',
  });
  expect(applyWord(before, { v: 5, kind: 'quiz', id: 'q1', deleted: true }).live.quizzes).toEqual([]);
  expect(applyWord(before, { v: 5, kind: 'spotlight', identity: 'a' }).live.spotlight).toBe('a');
  expect(applyWord(before, { v: 5, kind: 'locked', locked: true }).live.locked).toBe(true);
  expect(applyWord(before, { v: 5, kind: 'weather', sun: 1 })).toEqual({ live: before, refetch: true });
});

test('odd packets are not words, and odd parts change nothing', () => {
  for (const odd of ['', '[]', '{"v":"1","kind":"chat"}', '{"v":1}', 'null']) {
    expect(parseWord(new TextEncoder().encode(odd)), odd).toBeNull();
  }
  expect(parseWord(new Uint8Array(70_000))).toBeNull();
  expect(applyWord(live(), { v: 5, kind: 'chat', chat: { id: 'x', text: 7 } }).live.chat).toEqual([]);
  expect(applyWord(live(), { v: 5, kind: 'hand', hand: 'up' })).toMatchObject({ refetch: true });
});

test('asides are told without a version: tallies, and whose chat is paused', () => {
  const feed = new Feed({ fetchLive: () => new Promise(() => undefined) });
  feed.change(() => live({ polls: [{ id: 'p1', question: '?', choices: [], multiple: false, anonymous: true, state: 'open' }] }));
  const tally = { answered: 3, enrolled_present: 4, items: {}, correct: {} };
  feed.hear(bytes({ kind: 'tally', quiz: 'q1', tally }));
  feed.hear(bytes({ kind: 'poll-tally', poll: 'p1', tally: { c1: 2 } }));
  feed.hear(bytes({ kind: 'chat-muted', account: 'a', muted: true }));
  expect(feed.view()).toMatchObject({ tallies: { q1: tally }, live: { v: 4, polls: [{ tally: { c1: 2 } }] } });
  expect([...feed.view().muted]).toEqual(['a']);
  feed.hear(bytes({ kind: 'chat-muted', account: 'a', muted: false }));
  feed.hear(bytes({ kind: 'tally', quiz: 7 }));
  expect(feed.view().muted.size).toBe(0);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('words heard while asking are applied over the answer; a gap is asked for once, a little later', async () => {
  const answers: ((live: LiveState) => void)[] = [];
  const fetchLive = vi.fn(() => new Promise<LiveState>((resolve) => void answers.push(resolve)));
  const feed = new Feed({ fetchLive, random: () => 0.5 });
  feed.start();
  feed.hear(bytes({ v: 4, kind: 'chat', chat: chat('old') }));
  feed.hear(bytes({ v: 5, kind: 'chat', chat: chat('new') }));
  answers[0]?.(live({ chat: [chat('old')], at_ms: Date.now() + 90_000 }));
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.view().live.chat.map(({ id }) => id)).toEqual(['old', 'new']);
  expect(feed.view().offsetMs).toBe(90_000);
  feed.hear(bytes({ v: 9, kind: 'lock', locked: true }));
  feed.hear(bytes({ v: 10, kind: 'lock', locked: false }));
  expect(fetchLive).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(800);
  expect(fetchLive).toHaveBeenCalledTimes(2);
  answers[1]?.(live({ v: 10, chat: [chat('old'), chat('new')] }));
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.view().live).toMatchObject({ v: 10, locked: false });
  feed.stop();
});

test('a control plane that is away leaves the class as it was, and is asked again ever more slowly', async () => {
  const fetchLive = vi
    .fn<() => Promise<LiveState>>()
    .mockResolvedValueOnce(live({ locked: true }))
    .mockRejectedValue(new Error('away'));
  const feed = new Feed({ fetchLive, random: () => 0.5 });
  feed.start();
  await vi.advanceTimersByTimeAsync(0);
  feed.refresh();
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.view()).toMatchObject({ stale: true, known: true, live: { locked: true } });
  await vi.advanceTimersByTimeAsync(60_000);
  const tried = fetchLive.mock.calls.length;
  expect(tried).toBeGreaterThan(5);
  expect(tried).toBeLessThan(12);
  fetchLive.mockResolvedValue(live());
  await vi.advanceTimersByTimeAsync(30_000);
  expect(feed.view().stale).toBe(false);
  feed.stop();
});
