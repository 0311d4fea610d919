import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepPosting, outboxOf } from './post';
import { Classroom } from './room';

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const page = (status: number) => new Response('<html>Log in to this network</html>', { status });
const receipt = { received_at_ms: 1, counted: true, mine: { answers: { i1: ['c1'] } } };
const lost = () => Promise.reject(new TypeError('failed to fetch'));

/** How the way to the control plane is: only answers to quizzes are looked at. */
let way: () => Promise<Response> = lost;
const sent: string[] = [];
const classroom = (account: string) => new Classroom('c', { id: account, name: account }, false);

beforeEach(() => {
  vi.useFakeTimers();
  sent.length = 0;
  vi.stubGlobal('fetch', (path: string) => {
    if (!path.includes('/answers/')) return lost();
    sent.push(path);
    return way();
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('an answer is sent while its classroom is not on the page any more, and the next one knows of it', async () => {
  way = lost;
  const letGo = keepPosting('a');
  const first = classroom('a');
  first.start();
  first.answer('q', { i1: ['c1'] }, false);
  await vi.advanceTimersByTimeAsync(20_000);
  first.stop();
  const before = sent.length;
  way = () => Promise.resolve(json(receipt));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sent.length).toBe(before + 1);
  expect(outboxOf('a').view()).toMatchObject([{ state: 'arrived' }]);
  letGo();
});

test('a classroom that comes back shows what still waits, and not what arrived long before', async () => {
  way = lost;
  const letGo = keepPosting('b');
  const first = classroom('b');
  first.start();
  first.answer('q', { i1: ['c1'] }, false);
  first.stop();
  const second = classroom('b');
  expect(second.answerOf('q')?.state).toBe('waiting');
  way = () => Promise.resolve(json(receipt));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(second.answerOf('q')?.state).toBe('arrived');
  expect(classroom('b').parcels()).toEqual([]);
  letGo();
});

test.each([
  ['a captive portal’s page', () => page(200)],
  ['a captive portal’s empty answer', () => new Response('')],
  ['a captive portal’s JSON', () => json({ welcome: true })],
  ['a proxy’s 403', () => page(403)],
  ['a proxy’s 404', () => page(404)],
  ['a proxy’s 403 in JSON', () => json({ code: 1020, error: 'denied' }, 403)],
])('%s is nobody’s word on an answer', async (name, answer) => {
  way = () => Promise.resolve(answer());
  const letGo = keepPosting(name);
  const room = classroom(name);
  room.answer('q', { i1: ['c1'] }, false);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(room.answerOf('q')?.state).toBe('waiting');
  way = () => Promise.resolve(json(receipt));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(room.answerOf('q')?.state).toBe('arrived');
  letGo();
});

test('once nobody is signed in, nothing is sent; who comes back goes on', async () => {
  way = lost;
  keepPosting('d')();
  classroom('d').answer('q', { i1: ['c1'] }, false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toEqual([]);
  way = () => Promise.resolve(json(receipt));
  const letGo = keepPosting('d');
  await vi.advanceTimersByTimeAsync(0);
  expect(outboxOf('d').view()).toMatchObject([{ state: 'arrived' }]);
  letGo();
});

test('the control plane’s own refusal is final', async () => {
  way = () => Promise.resolve(json({ code: 'quiz_closed', message: 'closed' }, 409));
  const letGo = keepPosting('e');
  const room = classroom('e');
  room.answer('q', { i1: ['c1'] }, false);
  await vi.advanceTimersByTimeAsync(0);
  expect(room.answerOf('q')?.state).toBe('refused');
  letGo();
});

test('a hand that is refused goes down again, one that nobody heard of stays up', async () => {
  const room = classroom('f');
  vi.stubGlobal('fetch', () => Promise.resolve(json({ code: 'removed', message: 'removed' }, 403)));
  await expect(room.raise(true)).rejects.toMatchObject({ code: 'removed' });
  expect(room.feed.view().live.hands).toEqual([]);
  vi.stubGlobal('fetch', lost);
  await expect(room.raise(true)).rejects.toMatchObject({ code: 'unreachable' });
  expect(room.feed.view().live.hands).toHaveLength(1);
});
