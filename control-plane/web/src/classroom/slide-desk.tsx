import { type FormEvent, useEffect, useState } from 'react';
import type { Material, Slide } from '../api/contract';
import { MaterialLink } from '../class/materials';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { Field } from '../ui/field';
import { Icon } from '../ui/icons';
import { PAGE_MAX, SLIDE_TITLE_LENGTH_MAX } from './slides';
import type { Slides } from './use-slides';

/** The materials of the class: to open, and for whoever presents to show a page of to everybody. */
export function SlideDesk({ slides }: { slides: Slides }) {
  const t = useT();
  const { slide, materials, unread, error, mayShow } = slides;
  return (
    <div className="slide-desk">
      {mayShow && slide && <Shown key={`${slide.material} ${slide.title}`} slide={slide} slides={slides} />}
      {error != null && (
        <p className="field-error" role="alert">
          {explain(t, error)}
        </p>
      )}
      {mayShow && !slide && <p className="soft">{t('slide.hint')}</p>}
      {unread != null && <p className="soft">{explain(t, unread)}</p>}
      {unread == null && materials.length === 0 && (
        <p className="soft">{t(mayShow ? 'slide.none.teacher' : 'class.materials.none')}</p>
      )}
      <ul className="slide-list">
        {materials.map((material) => (
          <Row key={material.id} material={material} slides={slides} />
        ))}
      </ul>
      {mayShow && <Other slides={slides} />}
    </div>
  );
}

function Row({ material, slides }: { material: Material; slides: Slides }) {
  const t = useT();
  const shown = slides.slide?.material === material.id;
  return (
    <li data-shown={shown}>
      <MaterialLink material={material} />
      {slides.mayShow && (
        <button
          type="button"
          className="small"
          disabled={shown}
          data-testid="slide-show"
          aria-label={t('slide.show.of', { title: material.title })}
          onClick={() => slides.show({ page: 1, material: material.id })}
        >
          {t(shown ? 'slide.shown' : 'slide.show')}
        </button>
      )}
    </li>
  );
}

/** What is shown now: turned by a page, sent to any page, named, taken away. */
function Shown({ slide, slides }: { slide: Slide; slides: Slides }) {
  const t = useT();
  const [page, setPage] = useState(String(slide.page));
  const [title, setTitle] = useState(slide.title);
  useEffect(() => setPage(String(slide.page)), [slide.page]);
  const wanted = Number(page);
  const valid = Number.isSafeInteger(wanted) && wanted >= 1 && wanted <= PAGE_MAX;
  const named = title.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!valid) return setPage(String(slide.page));
    if (named === slide.title && wanted === slide.page) return;
    const spec = { page: wanted, ...(slide.material === null ? {} : { material: slide.material }) };
    slides.show(named === '' && slide.material !== null ? spec : { ...spec, title: named || slide.title });
  };
  return (
    <form className="slip slide-shown" onSubmit={submit} aria-label={t('slide.now')} noValidate>
      <div className="slide-turn">
        <button
          type="button"
          disabled={slide.page <= 1}
          aria-label={t('slide.before')}
          onClick={() => slides.go(slide.page - 1)}
        >
          <Icon name="left" size={20} />
        </button>
        <label>
          <input
            type="text"
            inputMode="numeric"
            value={page}
            maxLength={5}
            aria-invalid={!valid}
            data-testid="slide-page"
            onChange={(event) => setPage(event.target.value.replace(/\D/g, ''))}
            onBlur={(event) => event.currentTarget.form?.requestSubmit()}
          />
          <span>{t('slide.page.unit')}</span>
        </label>
        <button type="button" aria-label={t('slide.next')} data-testid="slide-desk-next" onClick={() => slides.go(slide.page + 1)}>
          <Icon name="right" size={20} />
        </button>
      </div>
      <Field label={t('slide.title')} hint={t('slide.title.hint')}>
        {(control) => (
          <input
            {...control}
            type="text"
            maxLength={SLIDE_TITLE_LENGTH_MAX}
            value={title}
            data-testid="slide-title"
            onChange={(event) => setTitle(event.target.value)}
          />
        )}
      </Field>
      <div className="slip-actions">
        <button type="submit" disabled={!valid || (named === slide.title && wanted === slide.page)}>
          {t('slide.rename')}
        </button>
        <button type="button" className="quiet" data-testid="slide-hide" onClick={slides.hide}>
          {t('slide.hide')}
        </button>
      </div>
    </form>
  );
}

/** A page of what is not among the materials: the book on the table. */
function Other({ slides }: { slides: Slides }) {
  const t = useT();
  const [title, setTitle] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (title.trim() === '') return;
    slides.show({ page: 1, title: title.trim() });
    setTitle('');
  };
  return (
    <form className="slide-other" onSubmit={submit}>
      <Field label={t('slide.other')} hint={t('slide.other.hint')}>
        {(control) => (
          <input
            {...control}
            type="text"
            maxLength={SLIDE_TITLE_LENGTH_MAX}
            value={title}
            data-testid="slide-other"
            onChange={(event) => setTitle(event.target.value)}
          />
        )}
      </Field>
      <button type="submit" disabled={title.trim() === ''}>
        {t('slide.show')}
      </button>
    </form>
  );
}
