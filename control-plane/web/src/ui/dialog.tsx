import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { useT } from '../i18n';
import { Icon } from './icons';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  testid?: string;
}

/** A modal box while it is rendered. The browser keeps the focus inside and gives it back; Escape closes. */
export function Dialog({ title, onClose, children, testid }: DialogProps) {
  const t = useT();
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // In the layout phase: closed while it is still in the page, the browser gives the focus back.
  useLayoutEffect(() => {
    const dialog = box.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      className="dialog"
      aria-labelledby={heading}
      data-testid={testid}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose();
      }}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" className="quiet icon-only" aria-label={t('common.close')} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
