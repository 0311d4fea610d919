import type { Class } from '../api/contract';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { classHref, Link } from '../router';
import { Icon } from '../ui/icons';
import { type Made, useRecording } from './recording';
import type { EndReason } from './view';

interface EndedProps {
  entry: Class;
  reason: EndReason;
  onBack: () => void;
}

/** The class is over, for everybody or for this page: first what one most likely wants next. */
export function EndedScreen({ entry, reason, onBack }: EndedProps) {
  const t = useT();
  const over = reason === 'closed';
  const made = useRecording(entry.id, over && entry.recorded);
  const watch = over && (made.name === 'growing' || made.name === 'ready');
  const first = over ? made.name === 'none' : reason === 'removed';
  const mayReturn = reason === 'left' || reason === 'duplicate';
  return (
    <div className="phase-screen" data-testid="ended" data-reason={reason}>
      <section className="notice ended" aria-labelledby="ended-title">
        <h1 id="ended-title">{t(`phase.ended.${reason}`)}</h1>
        <p>{entry.title}</p>
        {over && <MadeLine made={made} />}
        <div className="notice-action">
          {watch && (
            <Link
              className="button primary"
              href={`/replay/${encodeURIComponent(entry.id)}?room_sid=${encodeURIComponent(made.recording.room_sid)}`}
              data-testid="ended-replay"
            >
              <Icon name="play" size={18} />
              {t('home.watch')}
            </Link>
          )}
          {over && made.name === 'awaited' && (
            <button type="button" className="primary" disabled>
              <Icon name="play" size={18} />
              {t('home.watch')}
            </button>
          )}
          {mayReturn && (
            <button type="button" className="primary" data-testid="rejoin" onClick={onBack}>
              {t('phase.rejoin')}
            </button>
          )}
          {over && entry.mine?.teaches && (
            <Link className="button" href={`/desk/${encodeURIComponent(entry.id)}/summary`} data-testid="ended-summary">
              {t('phase.summary')}
            </Link>
          )}
          <Link
            className={`button ${first ? 'primary' : ''}`}
            href={classHref(entry.id)}
            data-testid="ended-class"
          >
            {t('phase.class')}
          </Link>
          <Link className="button quiet" href="/" data-testid="to-home">
            {t('common.home')}
          </Link>
        </div>
      </section>
    </div>
  );
}

function MadeLine({ made }: { made: Made }) {
  const t = useT();
  if (made.name === 'none') return null;
  const working = made.name !== 'ready';
  return (
    <p className="ended-made" role="status" data-testid="ended-made" data-state={made.name}>
      {working ? <span className="brush" aria-hidden="true" /> : <Icon name="check" size={18} />}
      {made.name === 'ready'
        ? t('phase.made.ready', { time: clock(made.recording.duration_ms) })
        : t(`phase.made.${made.name}`)}
    </p>
  );
}
