import { expect, test } from 'vitest';
import { CALM_MS, Lifeline, SILENT_MS } from './lifeline';

test('silence after sound is suspicious, and asked about once in a while', () => {
  const lifeline = new Lifeline();
  expect(lifeline.observe(0, 100)).toBe(false);
  expect(lifeline.observe(SILENT_MS - 1, 100)).toBe(false);
  expect(lifeline.observe(SILENT_MS, 100)).toBe(true);
  lifeline.calm(SILENT_MS);
  expect(lifeline.observe(SILENT_MS + CALM_MS - 1, 100)).toBe(false);
  expect(lifeline.observe(SILENT_MS + CALM_MS, 100)).toBe(true);
});

test('whoever receives anything is not suspicious, nor who has nothing to receive', () => {
  const lifeline = new Lifeline();
  for (let at = 0; at < 10; at++) expect(lifeline.observe(at * SILENT_MS, 100 + at)).toBe(false);
  for (let at = 10; at < 20; at++) expect(lifeline.observe(at * SILENT_MS, null)).toBe(false);
  expect(lifeline.observe(20 * SILENT_MS, 109)).toBe(false);
});
