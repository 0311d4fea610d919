import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { en } from './en';
import { explain } from './errors';
import { type Key, ko } from './ko';

const CONTROL_PLANE = join(import.meta.dirname, '../../..');
/** Told to nodes (`facts`), to who runs the program (`backup`); never to a page. */
const NOT_FOR_PAGES = ['src/facts.rs', 'src/node_listener.rs', 'classes/src/backup.rs'];

function sources(folder: string): string[] {
  return readdirSync(join(CONTROL_PLANE, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith('.rs') && !name.endsWith('_tests.rs') && !NOT_FOR_PAGES.includes(name))
    .map((name) => readFileSync(join(CONTROL_PLANE, name), 'utf8').split('#[cfg(test)]\nmod')[0] ?? '');
}

/** What makes a refusal: its code is the first argument, or the second after a status or a kind. */
const CALL = /\b(?:new|rule|conflict|refused|later|missing)\(\s*(?:[\w:]+,\s*)?"([a-z]+(?:_[a-z]+)*)"\s*,/g;
/** A code chosen together with its message. */
const PAIR = /=>\s*(?:\{\s*)?\("([a-z]+(?:_[a-z]+)+)",\s*format!/g;

/** What the pages themselves say; `aborted` is a call nobody waits for any more. */
const PAGES = join(import.meta.dirname, '..');
const own = readdirSync(PAGES, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
  .flatMap((name) => [...readFileSync(join(PAGES, name), 'utf8').matchAll(/new ApiError\(\s*'(\w+)'/g)])
  .flatMap((found) => found[1] ?? [])
  .filter((code) => code !== 'aborted');

const codes = [
  ...new Set(
    [...sources('src'), ...sources('classes/src')].flatMap((text) =>
      [CALL, PAIR].flatMap((form) => [...text.matchAll(form)].flatMap((found) => found[1] ?? [])),
    ),
  ),
].sort();

test('the codes are found, however a refusal is written', () => {
  // By its parts, over several lines, by a helper, from a pair, in a closure.
  const forms = ['class_not_found', 'not_live', 'quiz_not_found', 'region_not_found', 'class_locked', 'unauthorized', 'invalid'];
  for (const code of [...forms, 'database_unavailable', 'rate_limited', 'removed', 'quiz_state']) expect(codes).toContain(code);
  expect(codes.length).toBeGreaterThan(70);
});

test('every refusal of the server, and every failure of the page, has words in both languages', () => {
  expect(own).toContain('too_late');
  expect([...codes, ...own].filter((code) => !(`error.${code}` in ko))).toEqual([]);
  for (const code of [...codes, ...own]) {
    const failure = new ApiError(code, 'as the server said it', 409);
    expect(explain((key: Key) => ko[key], failure), code).toMatch(/[가-힣]/);
    expect(explain((key: Key) => en[key], failure), code).not.toBe('as the server said it');
  }
});
