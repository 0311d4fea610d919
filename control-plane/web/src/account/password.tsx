import { type FormEvent, useState } from 'react';
import { forgotPassword, resetPassword } from '../api/client';
import { useI18n } from '../i18n';
import { Link, navigate } from '../router';
import { announce } from '../ui/announce';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';
import { longEnough, looksLikeMail, PASSWORD_LENGTH_MIN } from './check';
import { CodeStep } from './code-step';
import { useAccount } from './context';
import { PasswordInput } from './password-input';

/** A new password by a mailed code. What is said is the same whether the address has an account or not. */
export function PasswordPage() {
  const { t } = useI18n();
  const { account } = useAccount();
  const [email, setEmail] = useState(account?.email ?? '');
  const [password, setPassword] = useState('');
  const [mailed, setMailed] = useState(false);
  useTitle(t('password.title'));
  const send = () => forgotPassword(email.trim());
  const reset = async (code: string) => {
    await resetPassword(email.trim(), code, password);
    announce(t('password.done'));
    navigate(account ? '/me' : '/signin', { replace: true });
  };
  return (
    <div className="page narrow account">
      <header className="page-head">
        <h1>{t('password.title')}</h1>
        <p className="soft">{t('password.intro')}</p>
      </header>
      {mailed ? (
        <CodeStep
          email={email.trim()}
          action={t('password.submit')}
          ready={longEnough(password)}
          onCode={reset}
          onResend={send}
          onBack={() => setMailed(false)}
        >
          {(checked) => (
            <PasswordInput
              label={t('password.new')}
              value={password}
              onChange={setPassword}
              autoComplete="new-password"
              testid="new-password"
              hint={t('account.password.hint', { n: PASSWORD_LENGTH_MIN })}
              error={checked && !longEnough(password) && t('account.password.short', { n: PASSWORD_LENGTH_MIN })}
            />
          )}
        </CodeStep>
      ) : (
        <AskMail
          email={email}
          setEmail={setEmail}
          onSend={async () => {
            await send();
            setMailed(true);
          }}
        />
      )}
    </div>
  );
}

function AskMail({
  email,
  setEmail,
  onSend,
}: {
  email: string;
  setEmail: (email: string) => void;
  onSend: () => Promise<void>;
}) {
  const { t } = useI18n();
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (!looksLikeMail(email)) return focusFirstInvalid(event);
    void run(onSend);
  };
  return (
    <form className="sheet" onSubmit={submit} noValidate>
      <Field label={t('account.email')} error={checked && !looksLikeMail(email) && t('account.email.wrong')}>
        {(control) => (
          <input
            {...control}
            type="email"
            autoComplete="username"
            inputMode="email"
            value={email}
            data-testid="forgotten-email"
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <Failure error={failure} />
      <button type="submit" className="primary" disabled={busy} data-testid="forgotten-submit">
        {t(busy ? 'common.sending' : 'password.send')}
      </button>
      <p className="sheet-links">
        <Link href="/signin">{t('signup.have')}</Link>
      </p>
    </form>
  );
}
