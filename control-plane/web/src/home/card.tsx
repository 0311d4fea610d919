import type { Class } from '../api/contract';
import { useT } from '../i18n';
import { ago } from '../i18n/format';
import { Link } from '../router';

export function ClassCard({ entry }: { entry: Class }) {
  const t = useT();
  const id = encodeURIComponent(entry.id);
  const ended = entry.state === 'ended';
  return (
    <li className="card" data-testid="class-card" data-class-id={entry.id} data-state={entry.state}>
      <div className="card-text">
        <p className="card-marks">
          {entry.state === 'live' && (
            <span className="badge" data-tone="live">
              {t('home.live')}
            </span>
          )}
          {entry.recorded && <span className="badge">{t('home.recorded')}</span>}
          <span className="soft card-age">{ago(t, entry.created_at_ms, Date.now())}</span>
        </p>
        <h3>{entry.title}</h3>
        <p className="card-by">{t('home.by', { name: entry.instructor.name })}</p>
        {entry.description && <p className="soft card-about">{entry.description}</p>}
      </div>
      <div className="card-actions">
        {!ended && (
          <Link className={`button ${entry.state === 'live' ? 'primary' : ''}`} href={`/class/${id}`} data-testid="class-join">
            {t('home.join')}
            <span className="hidden-visually">: {entry.title}</span>
          </Link>
        )}
        {entry.replay && (
          <Link className="button" href={`/replay/${id}`} data-testid="class-replay">
            {t(ended ? 'home.watch' : 'home.watch.live')}
            <span className="hidden-visually">: {entry.title}</span>
          </Link>
        )}
        {ended && (
          <Link className="button again" href={`/class/${id}`} data-testid="class-join">
            {t('home.again')}
            <span className="hidden-visually">: {entry.title}</span>
          </Link>
        )}
        {ended && entry.recorded && !entry.replay && <span className="soft">{t('home.preparing')}</span>}
      </div>
    </li>
  );
}
