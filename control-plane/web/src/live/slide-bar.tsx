import { useEffect } from 'react';
import { pageHref } from '../classroom/slides';
import type { Slides } from '../classroom/use-slides';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { Icon } from '../ui/icons';
import { isSafeUrl } from '../class/materials';

/**
 * Below the pictures: which page everybody looks at, and for whoever may show one the way to the next page, or to the
 * materials (`onChoose`).
 */
export function SlideBar({ slides, onChoose }: { slides: Slides; onChoose: () => void }) {
  const t = useT();
  const { slide, mayShow, go, hide, error } = slides;
  useTurningKeys(slides);
  const material = slides.materials.find(({ id }) => id === slide?.material);
  return (
    <>
      <div className="slide-bar" data-testid="slide-bar" data-page={slide?.page} data-shown={slide !== null} data-choose={slide === null && mayShow}>
        {!slide && mayShow && (
          <button type="button" className="quiet" data-testid="slide-choose" onClick={onChoose}>
            <Icon name="file" size={18} />
            {t('slide.choose')}
          </button>
        )}
        {slide && mayShow && (
          <button
            type="button"
            className="quiet icon-only"
            aria-label={t('slide.before')}
            title={`${t('slide.before')} (Page Up)`}
            disabled={slide.page <= 1}
            data-testid="slide-before"
            onClick={() => go(slide.page - 1)}
          >
            <Icon name="left" size={20} />
          </button>
        )}
        {/* Read out as it changes; empty while there is nothing. */}
        <p className="slide-line" role="status" data-testid="slide-line">
          {slide && (
            <>
              <span className="hidden-visually">{t('slide.now')} </span>
              <span className="slide-title">{slide.title}</span> <b>{t('slide.page', { page: slide.page })}</b>
            </>
          )}
        </p>
        {slide && mayShow && (
          <button
            type="button"
            className="quiet icon-only"
            aria-label={t('slide.next')}
            title={`${t('slide.next')} (Page Down)`}
            data-testid="slide-next"
            onClick={() => go(slide.page + 1)}
          >
            <Icon name="right" size={20} />
          </button>
        )}
        {slide && material && isSafeUrl(material.url) && (
          <a
            className="button small"
            href={pageHref(material, slide.page)}
            target="_blank"
            rel="noopener noreferrer"
            data-testid="slide-open"
            aria-label={t('slide.open.of', { title: slide.title, page: slide.page })}
          >
            {t('slide.open')}
          </a>
        )}
        {slide && mayShow && (
          <button type="button" className="quiet icon-only" aria-label={t('slide.hide')} title={t('slide.hide')} onClick={hide}>
            <Icon name="close" size={18} />
          </button>
        )}
      </div>
      {error != null && (
        <p className="slide-error" role="alert">
          {explain(t, error)}
        </p>
      )}
    </>
  );
}

/** What presenters' remote controls send. Not while somebody types or scrolls a list. */
function useTurningKeys({ slide, mayShow, go }: Slides): void {
  useEffect(() => {
    if (!slide || !mayShow) return undefined;
    const onKey = (event: KeyboardEvent) => {
      const by = { PageDown: 1, PageUp: -1 }[event.key];
      const target = event.target instanceof Element ? event.target : null;
      if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      if (target?.closest('input, textarea, select, [role="tabpanel"], .messages, .people')) return;
      event.preventDefault();
      go(slide.page + by);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [slide, mayShow, go]);
}
