import { expect, test } from 'vitest';
import { type Filters, filtersOf, narrowed, searchPath } from './filters';

const parse = (path: string) => filtersOf(new URL(path, 'http://localhost').searchParams);

test('a search and its address say the same', () => {
  const all: Filters[] = [
    {},
    { q: '붓글' },
    { q: 'a&b=c #%', category: 'craft' },
    { category: 'math', level: 'beginner', language: 'en', when: 'replay' },
  ];
  for (const filters of all) expect(parse(searchPath(filters))).toEqual(filters);
  expect(searchPath({ q: '  ' })).toBe('/search');
});

test('an address that means nothing narrows nothing', () => {
  expect(parse('/search?level=wizard&when=never&language=xx&category=a%20b%3Cscript%3E&q=%20&page=3')).toEqual({});
  expect(parse(`/search?q=${'가'.repeat(500)}`).q).toHaveLength(100);
});

test('the text is not counted among the choices', () => {
  expect(narrowed({ q: '붓', level: 'any', when: 'live' })).toBe(2);
});
