import { useT } from '../i18n';

/** The place of what is on its way, in its size: nothing jumps when it comes. */
export function Skeleton({ shape = 'lines', count = 3 }: { shape?: 'lines' | 'cards' | 'rows'; count?: number }) {
  const t = useT();
  return (
    <div className={`skeleton ${shape}`} role="status" data-testid="loading">
      <span className="hidden-visually">{t('common.loading')}</span>
      {Array.from({ length: count }, (_, index) => (
        <span key={index} className="skeleton-part" aria-hidden="true" />
      ))}
    </div>
  );
}
