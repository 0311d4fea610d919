import type { Material, NewSlide, Slide } from '../api/contract';

export const SLIDE_TITLE_LENGTH_MAX = 120;
export const PAGE_MAX = 10_000;

/** What one wants shown: a page, or nothing any more. */
export type Wish = NewSlide | null;

/**
 * Turning pages quickly sends the last one only: one call at a time, and what was wished for meanwhile, but for the latest,
 * is never sent.
 */
export class Turner {
  private next: { wish: Wish } | null = null;
  private sending = false;

  constructor(
    private readonly send: (wish: Wish) => Promise<void>,
    /** All is sent, or a call has failed: then what was wished for is given up. */
    private readonly settled: (error: unknown) => void,
  ) {}

  turn(wish: Wish): void {
    this.next = { wish };
    if (!this.sending) void this.work();
  }

  private async work(): Promise<void> {
    this.sending = true;
    let failure: unknown = null;
    while (this.next) {
      const { wish } = this.next;
      this.next = null;
      try {
        await this.send(wish);
        failure = null;
      } catch (error) {
        failure = error;
      }
    }
    this.sending = false;
    this.settled(failure);
  }
}

/** Another page of what is shown. A title that was given to one page does not go on to the next of a material. */
export function turned(slide: Pick<Slide, 'title' | 'material'>, page: number): NewSlide {
  const to = Math.max(1, Math.min(PAGE_MAX, Math.round(page) || 1));
  return slide.material === null ? { page: to, title: slide.title } : { page: to, material: slide.material };
}

/** What a wish looks like until the server has taken it. */
export function drawn(wish: NewSlide, materials: readonly Material[]): Slide {
  const title = wish.title ?? materials.find(({ id }) => id === wish.material)?.title ?? '';
  return { title, page: wish.page, material: wish.material ?? null, at_ms: Date.now() };
}

/**
 * Where a page of a material is. Browsers and what they open PDF files with understand `#page=`; an address that has a
 * fragment of its own keeps it, and other pages are opened as they are.
 */
export function pageHref(material: Pick<Material, 'url' | 'title' | 'bytes'>, page: number): string {
  const { url, title, bytes } = material;
  const pdf = /\.pdf(?:\?[^#]*)?$/i.test(url) || (bytes ? /\.pdf$/i.test(title) : false);
  return pdf && !url.includes('#') ? `${url}#page=${page}` : url;
}
