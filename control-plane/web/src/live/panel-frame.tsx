import type { ReactNode } from 'react';
import { useT } from '../i18n';
import { Icon } from '../ui/icons';

/** What stands beside the pictures; on a phone a sheet below the instructor's. */
export function PanelFrame({
  title,
  testid,
  onClose,
  children,
}: {
  title: string;
  testid: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const t = useT();
  return (
    <aside
      className="panel"
      aria-label={title}
      data-testid={testid}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" className="quiet icon-only" aria-label={t('common.close')} onClick={onClose}>
          <Icon name="close" size={20} />
        </button>
      </header>
      {children}
    </aside>
  );
}
