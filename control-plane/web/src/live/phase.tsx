import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import type { Class } from '../api/contract';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { Link } from '../router';
import { Loading, Notice } from '../ui/notice';
import { EndedScreen } from './ended';
import type { Phase } from './view';

/** "Connected again" stays this long. */
const GOOD_NEWS_MS = 3_000;

/** Tells in plain words that the connection is being put back, and when it is. */
export function PhaseBanner({ phase }: { phase: Phase }) {
  const t = useT();
  const before = useRef(phase.name);
  const [back, setBack] = useState(false);
  useEffect(() => {
    const recovered = phase.name === 'connected' && (before.current === 'reconnecting' || before.current === 'moving');
    before.current = phase.name;
    setBack(recovered);
    if (!recovered) return undefined;
    const timer = setTimeout(() => setBack(false), GOOD_NEWS_MS);
    return () => clearTimeout(timer);
  }, [phase.name]);
  const text =
    phase.name === 'connecting' || phase.name === 'reconnecting' || phase.name === 'moving'
      ? t(`phase.${phase.name}`)
      : back
        ? t('phase.back')
        : null;
  return (
    <div role="status" data-testid="banner" data-phase={phase.name}>
      {text && (
        <p className="banner" data-good={back}>
          {!back && <span className="brush" aria-hidden="true" />}
          {text}
        </p>
      )}
    </div>
  );
}

/** Instead of the class: joining, could not join, or over. */
export function PhaseScreen({
  phase,
  entry,
  onRetry,
  onBack,
}: {
  phase: Phase;
  entry: Class;
  onRetry: () => void;
  onBack: () => void;
}) {
  const t = useT();
  if (phase.name !== 'ended' && phase.name !== 'failed') {
    return (
      <div className="phase-screen" data-testid="connecting">
        <Loading text={t('phase.connecting')} />
      </div>
    );
  }
  if (phase.name === 'ended') return <EndedScreen entry={entry} reason={phase.reason} onBack={onBack} />;
  const actions = (
    <>
      <button type="button" className="primary" data-testid="rejoin" onClick={onRetry}>
        {t('common.retry')}
      </button>
      <button type="button" onClick={onBack}>
        {t('lobby.title')}
      </button>
      <Link className="button" href="/" data-testid="to-home">
        {t('common.home')}
      </Link>
    </>
  );
  return (
    <div className="phase-screen" data-testid="failed">
      <Notice
        tone="bad"
        title={t('phase.failed')}
        text={phase.error instanceof ApiError ? explain(t, phase.error) : t('phase.failed.text')}
        action={actions}
      />
    </div>
  );
}
