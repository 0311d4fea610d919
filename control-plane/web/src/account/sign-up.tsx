import { type FormEvent, useState } from 'react';
import { confirmAccount, signUp } from '../api/client';
import { useI18n } from '../i18n';
import { Link, navigate, useQuery } from '../router';
import { announce } from '../ui/announce';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { useDraft } from '../ui/use-draft';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';
import { longEnough, looksLikeMail, NAME_LENGTH_MAX, PASSWORD_LENGTH_MIN } from './check';
import { CodeStep } from './code-step';
import { nextPath, useAccount } from './context';
import { PasswordInput } from './password-input';
import { Providers } from './sign-in';

const ROLES = ['student', 'instructor'] as const;

interface Entry {
  name: string;
  email: string;
  role: (typeof ROLES)[number];
}

export function SignUpPage() {
  const { t, language } = useI18n();
  const { refresh } = useAccount();
  // The password is not kept: it has no business in a browser's storage.
  const [entry, change, forget] = useDraft<Entry>('signup', { name: '', email: '', role: 'student' });
  const [password, setPassword] = useState('');
  /** What the mailed code is good with; null until there is one. */
  const [ticket, setTicket] = useState<string | null>(null);
  useTitle(t('nav.signup'));

  const email = entry.email.trim();
  const send = async () =>
    setTicket(await signUp({ email, password, name: entry.name.trim(), role: entry.role, locale: language }));
  const confirm = async (code: string) => {
    await confirmAccount(email, ticket ?? '', code);
    forget();
    await refresh();
    announce(t('signup.done'));
    navigate(nextPath(location.search), { replace: true });
  };
  return (
    <div className="page narrow account">
      <header className="page-head">
        <h1>{t('nav.signup')}</h1>
        <p className="soft">{t(ticket ? 'signup.step.code' : 'signup.intro')}</p>
      </header>
      {ticket ? (
        <CodeStep email={email} action={t('signup.confirm')} onCode={confirm} onResend={send} onBack={() => setTicket(null)} />
      ) : (
        <>
          <EntryForm
            entry={entry}
            change={change}
            password={password}
            setPassword={setPassword}
            onSend={send}
          />
          <Providers />
        </>
      )}
    </div>
  );
}

interface EntryFormProps {
  entry: Entry;
  change: (part: Partial<Entry>) => void;
  password: string;
  setPassword: (password: string) => void;
  onSend: () => Promise<void>;
}

function EntryForm({ entry, change, password, setPassword, onSend }: EntryFormProps) {
  const { t } = useI18n();
  const search = useQuery().toString();
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const wrong = {
    name: entry.name.trim() === '' && t('signup.name.need'),
    email: !looksLikeMail(entry.email) && t('account.email.wrong'),
    password: !longEnough(password) && t('account.password.short', { n: PASSWORD_LENGTH_MIN }),
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (wrong.name || wrong.email || wrong.password) return focusFirstInvalid(event);
    void run(onSend);
  };
  return (
    <form className="sheet" onSubmit={submit} noValidate>
      <fieldset className="choices">
        <legend>{t('signup.role')}</legend>
        {ROLES.map((role) => (
          <label key={role} className="choice">
            <input
              type="radio"
              name="role"
              value={role}
              checked={entry.role === role}
              data-testid={`signup-role-${role}`}
              onChange={() => change({ role })}
            />
            <span>{t(`signup.role.${role}`)}</span>
          </label>
        ))}
      </fieldset>
      <Field label={t('account.name')} hint={t('account.name.hint')} error={checked && wrong.name}>
        {(control) => (
          <input
            {...control}
            type="text"
            name="name"
            autoComplete="name"
            maxLength={NAME_LENGTH_MAX}
            value={entry.name}
            data-testid="signup-name"
            onChange={(event) => change({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label={t('account.email')} hint={t('signup.email.hint')} error={checked && wrong.email}>
        {(control) => (
          <input
            {...control}
            type="email"
            name="email"
            autoComplete="username"
            inputMode="email"
            value={entry.email}
            data-testid="signup-email"
            onChange={(event) => change({ email: event.target.value })}
          />
        )}
      </Field>
      <PasswordInput
        label={t('account.password')}
        value={password}
        onChange={setPassword}
        autoComplete="new-password"
        testid="signup-password"
        hint={t('account.password.hint', { n: PASSWORD_LENGTH_MIN })}
        error={checked && wrong.password}
      />
      <Failure error={failure} />
      <button type="submit" className="primary" disabled={busy} data-testid="signup-submit">
        {t(busy ? 'common.sending' : 'signup.submit')}
      </button>
      <p className="sheet-links">
        <Link href={`/signin${search && `?${search}`}`}>{t('signup.have')}</Link>
      </p>
    </form>
  );
}
