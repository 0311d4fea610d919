import { type FormEvent, useState } from 'react';
import { oidcPath, signIn } from '../api/client';
import { useI18n } from '../i18n';
import { Link, navigate, useQuery } from '../router';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { Notice } from '../ui/notice';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';
import { looksLikeMail, oidcFailure } from './check';
import { nextPath, useAccount } from './context';
import { PasswordInput } from './password-input';

export function SignInPage() {
  const { t } = useI18n();
  const { refresh } = useAccount();
  const query = useQuery();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  useTitle(t('nav.signin'));

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (!looksLikeMail(email) || password === '') return focusFirstInvalid(event);
    const went = await run(async () => {
      await signIn(email.trim(), password);
      await refresh();
    });
    if (went) navigate(nextPath(location.search), { replace: true });
  };
  const search = query.toString();
  return (
    <div className="page narrow account">
      <header className="page-head">
        <h1>{t('nav.signin')}</h1>
        <p className="soft">{t('signin.intro')}</p>
      </header>
      {query.has('error') && <Notice tone="bad" title={t(oidcFailure(query.get('error')))} testid="oidc-failed" />}
      <form className="sheet" onSubmit={(event) => void submit(event)} noValidate>
        <Field label={t('account.email')} error={checked && !looksLikeMail(email) && t('account.email.wrong')}>
          {(control) => (
            <input
              {...control}
              type="email"
              name="email"
              autoComplete="username"
              inputMode="email"
              value={email}
              data-testid="signin-email"
              onChange={(event) => setEmail(event.target.value)}
            />
          )}
        </Field>
        <PasswordInput
          label={t('account.password')}
          value={password}
          onChange={setPassword}
          autoComplete="current-password"
          testid="signin-password"
          error={checked && password === '' && t('account.password.need')}
        />
        <Failure error={failure} />
        <button type="submit" className="primary" disabled={busy} data-testid="signin-submit">
          {t(busy ? 'signin.busy' : 'nav.signin')}
        </button>
        <p className="sheet-links">
          <Link href="/password">{t('signin.forgotten')}</Link>
          <Link href={`/signup${search && `?${search}`}`} data-testid="to-signup">
            {t('signin.new')}
          </Link>
        </p>
      </form>
      <Providers />
    </div>
  );
}

/** Signing in through somebody who knows one already; only those that are set up here. */
export function Providers() {
  const { t } = useI18n();
  const { oidc } = useAccount();
  if (oidc.length === 0) return null;
  return (
    <section className="providers" aria-label={t('signin.oidc')}>
      <p className="rule">
        <span>{t('signin.or')}</span>
      </p>
      {oidc.map((provider) => (
        <a key={provider} className="button" href={oidcPath(provider, nextPath(location.search))} data-testid={`oidc-${provider}`}>
          {t('signin.with', { name: provider })}
        </a>
      ))}
    </section>
  );
}
