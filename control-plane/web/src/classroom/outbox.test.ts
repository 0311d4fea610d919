import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from '../api/client';
import { Outbox, type Parcel, type Shelf } from './outbox';

const memory = (kept = new Map<string, Parcel>()): Shelf & { kept: Map<string, Parcel> } => ({
  kept,
  all: () => [...kept.values()],
  keep: (parcel) => Boolean(kept.set(parcel.id, parcel)),
  drop: (id) => void kept.delete(id),
});
const parcel = (id: string, change: Partial<Parcel> = {}): Omit<Parcel, 'account'> => ({
  id,
  kind: 'answer',
  class: 'c',
  about: 'q',
  body: {},
  at_ms: Date.now(),
  ...change,
});
const away = () => new ApiError('unreachable', 'away');
const states = (box: Outbox) => box.view().map((entry) => `${entry.parcel.id} ${entry.state}`);
const open = (send: (parcel: Parcel) => Promise<unknown>, shelf: Shelf = memory(), account = 'a') => {
  const box = new Outbox({ account, shelf, send, random: () => 1 });
  box.start();
  return box;
};
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an answer given while the network is away arrives once it is back, and is then forgotten', async () => {
  const shelf = memory();
  const send = vi.fn<(parcel: Parcel) => Promise<unknown>>().mockRejectedValue(away());
  const box = open(send, shelf);
  box.put(parcel('x'));
  await vi.advanceTimersByTimeAsync(8_000);
  expect(box.view()[0]).toMatchObject({ state: 'waiting', saved: true });
  expect(send.mock.calls.length).toBeGreaterThan(3);
  expect(shelf.kept.has('x')).toBe(true);
  send.mockResolvedValue({ counted: true });
  box.hurry();
  await vi.advanceTimersByTimeAsync(0);
  expect(box.view()[0]).toMatchObject({ state: 'arrived', result: { counted: true } });
  expect(new Set(send.mock.calls.map(([sent]) => sent.id))).toEqual(new Set(['x']));
  expect(shelf.kept.size).toBe(0);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('a reload goes on where the page was, for the same account only', async () => {
  const shelf = memory();
  const first = open(() => Promise.reject(away()), shelf);
  first.put(parcel('x'));
  await vi.advanceTimersByTimeAsync(0);
  first.stop();
  const stranger = vi.fn(() => Promise.resolve());
  open(stranger, shelf, 'b');
  await vi.advanceTimersByTimeAsync(0);
  expect(stranger).not.toHaveBeenCalled();
  const again = open(() => Promise.resolve('ok'), shelf);
  await vi.advanceTimersByTimeAsync(0);
  expect(states(again)).toEqual(['x arrived']);
});

test('what somebody else never came back for is not kept for ever', () => {
  const shelf = memory();
  const first = open(() => Promise.reject(away()), shelf);
  first.put(parcel('x'));
  first.put(parcel('m', { kind: 'chat' }));
  first.stop();
  vi.advanceTimersByTime(3_600_000);
  open(() => Promise.resolve(), shelf, 'b');
  expect([...shelf.kept.keys()]).toEqual(['x']);
  vi.advanceTimersByTime(24 * 3_600_000);
  open(() => Promise.resolve(), shelf, 'b');
  expect(shelf.kept.size).toBe(0);
});

test('a refusal is final and told, being signed out is not', async () => {
  const answers = [new ApiError('quiz_closed', 'closed', 409), new ApiError('not_signed_in', 'who?', 401)];
  const box = open((sent) => Promise.reject(answers[sent.id === 'x' ? 0 : 1]));
  box.put(parcel('x'));
  box.put(parcel('y'));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(states(box)).toEqual(['x refused', 'y waiting']);
  expect(box.view()[0]?.error).toMatchObject({ code: 'quiz_closed' });
});

test('answers go first, and nobody sends the rest while nothing is reached', async () => {
  const sent: string[] = [];
  let reached = false;
  const box = open((one) => {
    sent.push(one.id);
    return reached ? Promise.resolve() : Promise.reject(away());
  });
  box.put(parcel('m', { kind: 'chat' }));
  await vi.advanceTimersByTimeAsync(0);
  box.put(parcel('x'));
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual(['m', 'x']);
  reached = true;
  box.hurry();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual(['m', 'x', 'x', 'm']);
});

test('a greeting of five minutes ago is not sent any more, an answer is', async () => {
  const send = vi.fn<(parcel: Parcel) => Promise<unknown>>().mockRejectedValue(away());
  const box = open(send);
  box.put(parcel('m', { kind: 'chat' }));
  box.put(parcel('x'));
  await vi.advanceTimersByTimeAsync(301_000);
  send.mockResolvedValue(null);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(states(box)).toEqual(['m refused', 'x arrived']);
});

test('where nothing can be written down, that is said', async () => {
  const box = open(() => Promise.reject(away()), { all: () => [], keep: () => false, drop: () => undefined });
  box.put(parcel('x'));
  expect(box.view()[0]?.saved).toBe(false);
});
