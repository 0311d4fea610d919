import { beforeEach, expect, test, vi } from 'vitest';
import { draftSlot, FormDraft, forgetDrafts } from './drafts';

function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    get length() {
      return kept.size;
    },
    key: (at) => [...kept.keys()][at] ?? null,
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
    clear: () => kept.clear(),
  };
}
const names = () => [localStorage, sessionStorage].flatMap((one) => Array.from({ length: one.length }, (_, at) => one.key(at)));

beforeEach(() => {
  vi.stubGlobal('localStorage', storage());
  vi.stubGlobal('sessionStorage', storage());
});

test('the next one at this machine does not read what the one before chose', () => {
  draftSlot('device', 'mina', 'quiz.q').keep({ i1: ['c1'] });
  expect(draftSlot('device', 'mina', 'quiz.q').read()).toEqual({ i1: ['c1'] });
  expect(draftSlot('device', 'minj', 'quiz.q').read()).toEqual({});
  expect(draftSlot('device', '', 'quiz.q').read()).toEqual({});
});

test('signing out forgets all drafts, another person’s coming those of the others, and nothing else', () => {
  localStorage.setItem('seodang.language', 'ko');
  localStorage.setItem('seodang.draft.q7', '{}');
  draftSlot('device', 'a', 'quiz.q').keep({});
  draftSlot('tab', 'a', 'reply.t').keep({});
  draftSlot('device', 'ab', 'quiz.q').keep({});
  forgetDrafts('a');
  expect(names()).toEqual(['seodang.language', 'seodang.draft.a/quiz.q', 'seodang.draft.a/reply.t']);
  forgetDrafts();
  expect(names()).toEqual(['seodang.language']);
});

test('of a form only what was changed is kept: the rest is as it is now', () => {
  new FormDraft('a', 'class.c', { title: 'Clay', capacity: '20' }).change({ title: 'Clay at home' });
  expect(new FormDraft('a', 'class.c', { title: 'Clay', capacity: '30' }).value()).toEqual({
    title: 'Clay at home',
    capacity: '30',
  });
});

test('a form that was emptied and then sent leaves nothing behind', () => {
  const form = new FormDraft('a', 'reply.t', { key: 'k1', text: '' });
  form.change({ text: 'hello' });
  form.change({ key: 'k2', text: '' });
  form.forget();
  expect(names()).toEqual([]);
});

test('what was typed goes out under the same id after a reload', () => {
  new FormDraft('a', 'reply.t', { key: 'k1', text: '' }).change({ text: 'hello' });
  expect(new FormDraft('a', 'reply.t', { key: 'k2', text: '' }).value()).toEqual({ key: 'k1', text: 'hello' });
});

test('where nothing may be stored, forms work all the same', () => {
  vi.stubGlobal('sessionStorage', undefined);
  const form = new FormDraft('a', 'x', { text: '' });
  form.change({ text: 'hello' });
  form.forget();
  forgetDrafts();
  expect(form.value()).toEqual({ text: 'hello' });
});
