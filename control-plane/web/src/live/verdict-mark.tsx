import { useEffect, useRef, useState } from 'react';
import { regionName, useT } from '../i18n';
import { type Pictures, PICTURES } from './pictures';
import { judge, Steady, type Verdict } from './verdict';
import type { LiveView } from './view';

/** The verdict on the network, kept from flickering. */
export function useVerdict(view: LiveView): Verdict {
  const steady = useRef(new Steady());
  return steady.current.take(judge(view.phase, view.measure), Date.now());
}

/** A mark in the head; opened, what it means and which pictures to receive. */
export function VerdictMark({
  view,
  verdict,
  pictures,
  onPictures,
}: {
  view: LiveView;
  verdict: Verdict;
  pictures: Pictures;
  onPictures: (pictures: Pictures) => void;
}) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const { edge, measure } = view;
  useEffect(() => {
    if (!open) return undefined;
    const away = (event: Event) => {
      if (!(event.target instanceof Node) || !box.current?.contains(event.target)) setOpen(false);
    };
    addEventListener('pointerdown', away);
    return () => removeEventListener('pointerdown', away);
  }, [open]);
  return (
    <div
      className="verdict"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === 'Escape') setOpen(false);
      }}
    >
      <button type="button" data-testid="verdict" data-grade={verdict.grade} aria-expanded={open} onClick={() => setOpen(!open)}>
        <i className="verdict-dot" aria-hidden="true" />
        <span>{t(verdict.title)}</span>
      </button>
      <span className="hidden-visually" role="status">
        {verdict.grade === 'weak' || verdict.grade === 'lost' ? t(verdict.title) : ''}
      </span>
      {open && (
        <div className="verdict-more" data-testid="verdict-more">
          {verdict.text && <p>{t(verdict.text, verdict.values)}</p>}
          <fieldset className="choices compact">
            <legend>{t('live.pictures')}</legend>
            {PICTURES.map((value) => (
              <label key={value} className="choice">
                <input
                  type="radio"
                  name="pictures"
                  checked={pictures === value}
                  data-testid={`pictures-${value}`}
                  onChange={() => onPictures(value)}
                />
                <span>{t(`live.pictures.${value}`)}</span>
              </label>
            ))}
          </fieldset>
          <p className="soft">
            <small>{t('live.pictures.hint')}</small>
          </p>
          {edge && (
            <p className="soft">
              {t('live.edge')}: {regionName(t, edge.region)} · <span data-testid="edge-id">{edge.id}</span>
            </p>
          )}
          <p className="soft">
            {measure.rttMs !== null && `${t('ops.col.rtt')} ${Math.round(measure.rttMs)} ms`}
            {measure.loss !== null && ` · ${t('ops.col.loss')} ${(measure.loss * 100).toFixed(1)} %`}
          </p>
        </div>
      )}
    </div>
  );
}

/** A network that stays weak this long will not mend by waiting. */
const WEAK_MS = 12_000;

/** True once the verdict has stayed weak for a while and the reader has not waved it away. */
export function useWeakness(verdict: Verdict): [boolean, () => void] {
  const [weak, setWeak] = useState(false);
  const [waved, setWaved] = useState(false);
  const isWeak = verdict.grade === 'weak';
  useEffect(() => {
    if (!isWeak) {
      setWeak(false);
      return undefined;
    }
    const timer = setTimeout(() => setWeak(true), WEAK_MS);
    return () => clearTimeout(timer);
  }, [isWeak]);
  return [weak && !waved, () => setWaved(true)];
}
