import { isSafeUrl } from '../class/materials';
import { pageHref } from '../classroom/slides';
import { useMaterials } from '../classroom/use-slides';
import type { Slide } from '../api/contract';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { Icon } from '../ui/icons';
import { slideAt, type TimedSlide } from './happenings';

interface SlidesProps {
  slides: readonly TimedSlide[];
  timeMs: number;
  onSeek: (ms: number) => void;
}

/** The page that was shown now, with the way to it and to the ones before and after. */
export function SlideNow({ slides, timeMs, onSeek, classId, signedIn }: SlidesProps & { classId: string; signedIn: boolean }) {
  const t = useT();
  const place = slideAt(slides, timeMs);
  const slide = slides[place]?.slide ?? null;
  const named = slides.find((timed) => timed.slide?.material != null)?.slide?.material ?? '';
  const { materials } = useMaterials(classId, signedIn && named !== '', slide?.material ?? '');
  const material = materials.find(({ id }) => id === slide?.material);
  const latest = slides.findLastIndex(({ atMs }) => atMs <= timeMs);
  const before = slides.slice(0, Math.max(0, latest)).findLast((timed) => timed.slide);
  const next = slides.slice(latest + 1).find((timed) => timed.slide);
  return (
    <div className="slide-now" data-testid="replay-slide" data-page={slide?.page}>
      <Icon name="file" size={18} />
      {/* It changes while one listens to the class: said to those who ask, not read out. */}
      <p>
        {slide ? (
          <>
            <span className="slide-title">{slide.title}</span> <b>{t('slide.page', { page: slide.page })}</b>
          </>
        ) : (
          <span className="soft">{t('replay.slide.none')}</span>
        )}
      </p>
      {slide && material && isSafeUrl(material.url) && (
        <a
          className="button small"
          href={pageHref(material, slide.page)}
          target="_blank"
          rel="noopener noreferrer"
          data-testid="replay-slide-open"
          aria-label={t('slide.open.of', { title: slide.title, page: slide.page })}
        >
          {t('slide.open')}
        </a>
      )}
      <Jump to={before} icon="left" label={t('replay.slide.before')} onSeek={onSeek} />
      <Jump to={next} icon="right" label={t('replay.slide.next')} onSeek={onSeek} />
    </div>
  );
}

function Jump({
  to,
  icon,
  label,
  onSeek,
}: {
  to: TimedSlide | undefined;
  icon: 'left' | 'right';
  label: string;
  onSeek: (ms: number) => void;
}) {
  return (
    <button
      type="button"
      className="quiet icon-only"
      aria-label={label}
      title={label}
      disabled={!to}
      onClick={() => to && onSeek(to.atMs)}
    >
      <Icon name={icon} size={20} />
    </button>
  );
}

/** What was shown when: the contents of the class. */
export function SlideList({ slides, timeMs, onSeek }: SlidesProps) {
  const t = useT();
  const now = slideAt(slides, timeMs);
  const shown = slides.flatMap(({ slide, atMs }, place) => (slide ? [{ slide, atMs, current: place === now }] : []));
  return (
    <ol>
      {shown.map(({ slide, atMs, current }: { slide: Slide; atMs: number; current: boolean }) => (
        <li key={atMs}>
          <button
            type="button"
            className="quiet event"
            data-testid="replay-slide-line"
            data-at={atMs}
            aria-current={current ? 'true' : undefined}
            onClick={() => onSeek(atMs)}
          >
            <time>{clock(atMs)}</time>
            <span>
              {slide.title} <b className="slide-page">{t('slide.page', { page: slide.page })}</b>
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}
