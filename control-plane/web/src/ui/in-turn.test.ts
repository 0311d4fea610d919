import { expect, test } from 'vitest';
import { inTurn } from './in-turn';

test('the second waits for the first, and a failure is only its own', async () => {
  const run = inTurn();
  const told: string[] = [];
  let fail: (why: Error) => void = () => undefined;
  const first = run(() => {
    told.push('first');
    return new Promise<void>((_, reject) => (fail = reject));
  });
  const second = run(async () => {
    told.push('second');
    return 2;
  });
  await Promise.resolve();
  await Promise.resolve();
  expect(told).toEqual(['first']);
  fail(new Error('away'));
  await expect(first).rejects.toThrow('away');
  expect(await second).toBe(2);
  expect(told).toEqual(['first', 'second']);
});
