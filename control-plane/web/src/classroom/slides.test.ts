import { expect, test } from 'vitest';
import type { LiveState, NewSlide } from '../api/contract';
import { drawn, pageHref, Turner, turned, type Wish } from './slides';
import { applyWord, EMPTY } from './state';

const slide = (page: number) => ({ title: '획', page, material: 'f_1', at_ms: 1 });
const live = (change: Partial<LiveState> = {}): LiveState => ({ ...EMPTY, v: 4, ...change });

test('words show a slide, turn it and take it away; the end of class does, too', () => {
  const shown = applyWord(live(), { v: 5, kind: 'slide', slide: slide(2), at_ms: 1 });
  expect(shown).toMatchObject({ refetch: false, live: { v: 5, slide: { page: 2 } } });
  expect(applyWord(shown.live, { v: 6, kind: 'slide', slide: null }).live.slide).toBeNull();
  expect(applyWord(shown.live, { v: 6, kind: 'ended' }).live.slide).toBeNull();
  expect(applyWord(shown.live, { v: 6, kind: 'slide', slide: { title: 3 } })).toEqual({ live: shown.live, refetch: true });
});

/** A server that answers when it is told to. */
function presenter() {
  const sent: Wish[] = [];
  const answers: ((error?: Error) => void)[] = [];
  const settled: unknown[] = [];
  const send = (wish: Wish) => {
    sent.push(wish);
    return new Promise<void>((resolve, reject) => answers.push((error) => (error ? reject(error) : resolve())));
  };
  const turner = new Turner(send, (error) => settled.push(error));
  const answer = async (error?: Error) => {
    answers.shift()?.(error);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { sent, settled, turner, answer };
}

test('turning pages fast sends the first and the last', async () => {
  const { sent, settled, turner, answer } = presenter();
  for (const page of [1, 2, 3, 4]) turner.turn({ page, material: 'f_1' });
  expect(sent).toEqual([{ page: 1, material: 'f_1' }]);
  await answer();
  expect(sent).toEqual([{ page: 1, material: 'f_1' }, { page: 4, material: 'f_1' }]);
  expect(settled).toEqual([]);
  await answer();
  expect(settled).toEqual([null]);
});

test('a refused turn is told, and the next one is sent', async () => {
  const { sent, settled, turner, answer } = presenter();
  const refused = new Error('rate_limited');
  turner.turn({ page: 1, title: '책' });
  await answer(refused);
  expect(settled).toEqual([refused]);
  turner.turn(null);
  await answer();
  expect(sent.at(-1)).toBeNull();
  expect(settled).toEqual([refused, null]);
});

test('the next page of a material goes by the material’s name, of a book by its own', () => {
  expect(turned({ title: '획의 순서', material: 'f_1' }, 4)).toEqual({ page: 4, material: 'f_1' });
  expect(turned({ title: '교본', material: null }, 4)).toEqual({ page: 4, title: '교본' });
  expect([0, -3, Number.NaN, 20_000].map((page) => turned({ title: '', material: 'f_1' }, page).page)).toEqual([1, 1, 1, 10_000]);
  const materials = [{ id: 'f_1', title: '붓.pdf', url: '/x' }];
  const wishes: NewSlide[] = [{ page: 2, material: 'f_1' }, { page: 2, material: 'f_1', title: '획' }, { page: 2, title: '책' }];
  expect(wishes.map((wish) => drawn(wish, materials).title)).toEqual(['붓.pdf', '획', '책']);
});

test('a page is opened where a page can be', () => {
  const at = (url: string, title = '', bytes?: number) => pageHref({ url, title, ...(bytes ? { bytes } : {}) }, 3);
  expect(at('https://example.org/a.pdf')).toBe('https://example.org/a.pdf#page=3');
  expect(at('https://example.org/a.PDF?v=2')).toBe('https://example.org/a.PDF?v=2#page=3');
  expect(at('https://example.org/a.pdf#nameddest=two')).toBe('https://example.org/a.pdf#nameddest=two');
  expect(at('https://example.org/watch')).toBe('https://example.org/watch');
  expect(at('/v1/classes/c/materials/f_1/file', '붓.pdf', 100)).toBe('/v1/classes/c/materials/f_1/file#page=3');
  expect(at('/v1/classes/c/materials/f_1/file', '붓.hwp', 100)).toBe('/v1/classes/c/materials/f_1/file');
});
