import type { ReactNode } from 'react';
import { useT } from '../i18n';

export type Tone = 'plain' | 'warn' | 'bad';

interface NoticeProps {
  title: string;
  /** It is all there is on the page. */
  heads?: boolean;
  text?: string;
  tone?: Tone;
  action?: ReactNode;
  testid?: string;
}

/** A boxed word to the reader: an empty list, an error with its remedy. Errors are announced at once. */
export function Notice({ title, heads = false, text, tone = 'plain', action, testid }: NoticeProps) {
  const Title = heads ? 'h1' : 'p';
  return (
    <div className="notice" data-tone={tone} data-testid={testid} role={tone === 'bad' ? 'alert' : undefined}>
      <Title className="notice-title">{title}</Title>
      {text && <p>{text}</p>}
      {action && <div className="notice-action">{action}</div>}
    </div>
  );
}

export function ErrorNotice({ text, onRetry }: { text: string; onRetry?: () => void }) {
  const t = useT();
  const retry = onRetry && (
    <button type="button" data-testid="retry" onClick={onRetry}>
      {t('common.retry')}
    </button>
  );
  return <Notice tone="bad" title={text} testid="error-banner" action={retry} />;
}

export function Loading({ text }: { text?: string }) {
  const t = useT();
  return (
    <p className="loading" role="status" data-testid="loading">
      <span className="brush" aria-hidden="true" />
      {text ?? t('common.loading')}
    </p>
  );
}
