import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { useI18n } from '../i18n';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { CODE_LENGTH, digitsOf } from './check';
import { DevMailHint } from './dev-mail';

interface CodeStepProps {
  email: string;
  action: string;
  /** More to fill in than the code; whether it is well is the caller's word. */
  children?: (checked: boolean) => ReactNode;
  ready?: boolean;
  onCode: (code: string) => Promise<void>;
  onResend: () => Promise<void>;
  onBack: () => void;
}

/** A mailed code: shown as one field, so that pasting and the phone's suggestion from the mail work. */
export function CodeStep({ email, action, children, ready = true, onCode, onResend, onBack }: CodeStepProps) {
  const { t } = useI18n();
  const [code, setCode] = useState('');
  const [checked, setChecked] = useState(false);
  const [sent, setSent] = useState(false);
  const { busy, failure, run } = useSubmit();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (code.length < CODE_LENGTH || !ready) return focusFirstInvalid(event);
    void run(() => onCode(code));
  };
  return (
    <form className="sheet" onSubmit={submit} noValidate data-testid="code-step">
      <p>{t('code.sent', { email })}</p>
      <Field
        label={t('code.label')}
        hint={t('code.hint')}
        error={checked && code.length < CODE_LENGTH && t('code.short', { n: CODE_LENGTH })}
      >
        {(control) => (
          <input
            {...control}
            ref={input}
            className="code"
            type="text"
            inputMode="numeric"
            autoComplete="one-time-code"
            value={code}
            data-testid="code-input"
            onChange={(event) => setCode(digitsOf(event.target.value))}
          />
        )}
      </Field>
      {children?.(checked)}
      <DevMailHint email={email} onCode={setCode} />
      <Failure error={failure} />
      <button type="submit" className="primary" disabled={busy} data-testid="code-submit">
        {busy ? t('common.sending') : action}
      </button>
      <p className="sheet-links">
        <button
          type="button"
          className="quiet"
          disabled={busy}
          onClick={() => void run(onResend).then((went) => setSent(went))}
        >
          {t('code.resend')}
        </button>
        <button type="button" className="quiet" onClick={onBack}>
          {t('code.back')}
        </button>
      </p>
      <p role="status" className="soft">
        {sent && t('code.resent')}
      </p>
    </form>
  );
}
