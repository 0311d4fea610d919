import { expect, test } from 'vitest';
import { parseRoute } from './router';

test('paths name pages, and odd ones are lost', () => {
  expect(parseRoute('/')).toEqual({ page: 'home' });
  expect(parseRoute('/class/ink-1/')).toEqual({ page: 'class', id: 'ink-1' });
  expect(parseRoute('/replay/%EB%B6%93')).toEqual({ page: 'replay', id: '붓' });
  expect(parseRoute('/ops')).toEqual({ page: 'ops' });
  for (const path of ['/class', '/ops/more', '/replay/%E0%A4%A', '/class/a/b', '/nothing']) {
    expect(parseRoute(path), path).toEqual({ page: 'lost' });
  }
});
