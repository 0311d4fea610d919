import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Quiz } from '../api/contract';
import { I18nProvider } from '../i18n';
import { ko } from '../i18n/ko';
import { Classroom } from './room';
import { StudentQuiz } from './student-quiz';

const CLOSES = 1_000_000;
const quiz: Quiz = {
  id: 'q',
  title: 'Glazes',
  state: 'open',
  closes_at_ms: CLOSES,
  time_limit_s: 60,
  items: [
    {
      id: 'i1',
      kind: 'single',
      text: 'Which?',
      choices: [
        { id: 'c1', text: 'Ash' },
        { id: 'c2', text: 'Salt' },
      ],
    },
  ],
};
const classroom = (account: string) => new Classroom('c', { id: account, name: account }, false);
const shown = (account: string, atMs: number, offsetMs = 0) => {
  vi.setSystemTime(atMs);
  const room = classroom(account);
  return renderToString(createElement(I18nProvider, null, createElement(StudentQuiz, { room, quiz, offsetMs })));
};

beforeEach(() => {
  vi.useFakeTimers();
  const kept = new Map<string, string>();
  vi.stubGlobal('location', { search: '', pathname: '/' });
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
    length: 0,
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('the form closes by itself when the time is up, by the server’s clock', () => {
  expect(shown('a', CLOSES - 500)).toContain('quiz-submit');
  const late = shown('a', CLOSES + 1);
  expect(late).not.toContain('quiz-submit');
  expect(late).toContain(ko['quiz.time_up']);
  expect(shown('a', CLOSES - 60_000, 61_000)).not.toContain('quiz-submit');
  expect(shown('a', CLOSES + 60_000, -61_000)).toContain('quiz-submit');
});

test('what the one before had chosen is not on the next one’s form, and on nobody’s once it is handed in', () => {
  const draft = classroom('a').draftOf('q');
  draft.keep({ i1: ['c1'] });
  expect(shown('a', 0)).toContain('checked');
  expect(shown('b', 0)).not.toContain('checked');
  classroom('a').answer('q', { i1: ['c1'] }, false);
  expect(draft.read()).toEqual({});
});
