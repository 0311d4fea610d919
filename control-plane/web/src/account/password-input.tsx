import { useState } from 'react';
import { useI18n } from '../i18n';
import { Field } from '../ui/field';
import { PASSWORD_LENGTH_MAX } from './check';

interface PasswordInputProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  autoComplete: 'current-password' | 'new-password';
  testid: string;
  hint?: string;
  error?: string | false;
}

/** A password that can be looked at while it is typed. */
export function PasswordInput({ label, value, onChange, autoComplete, testid, hint, error }: PasswordInputProps) {
  const { t } = useI18n();
  const [seen, setSeen] = useState(false);
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <span className="password">
          <input
            {...control}
            type={seen ? 'text' : 'password'}
            name={autoComplete}
            autoComplete={autoComplete}
            autoCapitalize="off"
            spellCheck={false}
            maxLength={PASSWORD_LENGTH_MAX}
            value={value}
            data-testid={testid}
            onChange={(event) => onChange(event.target.value)}
          />
          <button type="button" className="quiet" aria-pressed={seen} onClick={() => setSeen(!seen)}>
            {t(seen ? 'account.password.hide' : 'account.password.show')}
          </button>
        </span>
      )}
    </Field>
  );
}
