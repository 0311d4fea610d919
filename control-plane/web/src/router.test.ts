import { expect, test } from 'vitest';
import { nextPath } from './account/context';
import { classHref, parseRoute } from './router';

test('paths name pages, and odd ones are lost', () => {
  expect(parseRoute('/')).toEqual({ page: 'home' });
  expect(parseRoute('/class/ink-1/')).toEqual({ page: 'class', id: 'ink-1' });
  expect(parseRoute('/class/ink-1/room')).toEqual({ page: 'room', id: 'ink-1' });
  expect(parseRoute('/class/ink-1/board/t%2F1')).toEqual({ page: 'thread', id: 'ink-1', thread: 't/1' });
  expect(parseRoute('/replay/%EB%B6%93')).toEqual({ page: 'replay', id: '붓' });
  expect(parseRoute('/ops')).toEqual({ page: 'ops' });
  expect(parseRoute('/desk/new')).toEqual({ page: 'desk-new' });
  expect(parseRoute('/desk/new/edit')).toEqual({ page: 'desk-edit', id: 'new' });
  for (const path of [
    '/class',
    '/ops/more',
    '/replay/%E0%A4%A',
    '/class/a/b',
    '/nothing',
    '/class/a/board/b/c',
    '/constructor',
  ]) {
    expect(parseRoute(path), path).toEqual({ page: 'lost' });
  }
});

test('a link to a class leads to it, whatever its id', () => {
  for (const id of ['a', '붓/1', '?#%']) {
    expect(parseRoute(classHref(id, '/board'))).toEqual({ page: 'board', id });
  }
});

test('after signing in one stays on this site', () => {
  expect(nextPath('?next=%2Fclass%2Fa%3Ft%3D1')).toBe('/class/a?t=1');
  for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '']) {
    expect(nextPath(`?next=${encodeURIComponent(next)}`), next).toBe('/');
  }
});
