import { type FormEvent, useState } from 'react';
import { changeMe, deleteMe, getConfig } from '../api/client';
import type { Account, Locale } from '../api/contract';
import { useCategories } from '../catalogue/use-categories';
import { forgetDrafts } from '../drafts';
import { regionName, useI18n } from '../i18n';
import { Link, navigate } from '../router';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/dialog';
import { Failure } from '../ui/failure';
import { Field } from '../ui/field';
import { SignedIn } from '../ui/signed-in';
import { useLoad } from '../ui/use-load';
import { focusFirstInvalid, useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';
import { NAME_LENGTH_MAX } from './check';
import { useAccount } from './context';
import { PasswordInput } from './password-input';

export function ProfilePage() {
  const { t } = useI18n();
  useTitle(t('nav.me'));
  return (
    <div className="page narrow account">
      <h1>{t('nav.me')}</h1>
      <SignedIn>
        {(account) => (
          <>
            <Profile key={account.id} account={account} />
            <Leaving />
          </>
        )}
      </SignedIn>
    </div>
  );
}

function Profile({ account }: { account: Account }) {
  const { t, language, setLanguage } = useI18n();
  const { setAccount } = useAccount();
  const { categories } = useCategories();
  const { value: config } = useLoad(getConfig, []);
  const [name, setName] = useState(account.name);
  const [locale, setLocale] = useState<Locale>(account.locale);
  const [region, setRegion] = useState(account.region ?? '');
  const [interests, setInterests] = useState<readonly string[]>(account.interests);
  const [checked, setChecked] = useState(false);
  const { busy, failure, run } = useSubmit();
  const regions = [...new Set([...(config?.regions.map((known) => known.id) ?? []), ...(region ? [region] : [])])];

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked(true);
    if (name.trim() === '') return focusFirstInvalid(event);
    const went = await run(async () => {
      setAccount(await changeMe({ name: name.trim(), locale, interests: [...interests], ...(region ? { region } : {}) }));
    });
    if (!went) return;
    if (locale !== language) setLanguage(locale);
    announce(t('common.saved'));
  };
  const toggle = (id: string) => setInterests((old) => (old.includes(id) ? old.filter((known) => known !== id) : [...old, id]));
  return (
    <form className="sheet" onSubmit={(event) => void submit(event)} noValidate data-testid="profile">
      <p>
        <span className="badge">{t(`role.${account.role}`)}</span> <span className="soft">{account.email}</span>
      </p>
      <Field
        label={t('account.name')}
        hint={t('account.name.hint')}
        error={checked && name.trim() === '' && t('signup.name.need')}
      >
        {(control) => (
          <input
            {...control}
            type="text"
            autoComplete="name"
            maxLength={NAME_LENGTH_MAX}
            value={name}
            data-testid="profile-name"
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={t('profile.region')} hint={t('profile.region.hint')}>
        {(control) => (
          <select {...control} value={region} data-testid="profile-region" onChange={(event) => setRegion(event.target.value)}>
            <option value="">{t('profile.region.none')}</option>
            {regions.map((id) => (
              <option key={id} value={id}>
                {regionName(t, id)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t('profile.locale')}>
        {(control) => (
          <select {...control} value={locale} onChange={(event) => setLocale(event.target.value as Locale)}>
            <option value="ko" lang="ko">
              한국어
            </option>
            <option value="en" lang="en">
              English
            </option>
          </select>
        )}
      </Field>
      <fieldset className="chips-field">
        <legend>{t('profile.interests')}</legend>
        <p className="hint soft">{t('profile.interests.hint')}</p>
        <div className="chips">
          {categories.map((category) => (
            <button
              key={category.id}
              type="button"
              className="chip"
              aria-pressed={interests.includes(category.id)}
              data-testid={`interest-${category.id}`}
              onClick={() => toggle(category.id)}
            >
              {category[language]}
            </button>
          ))}
        </div>
      </fieldset>
      <Failure error={failure} />
      <button type="submit" className="primary" disabled={busy} data-testid="profile-save">
        {t(busy ? 'common.saving' : 'common.save')}
      </button>
      <p className="sheet-links">
        <Link href="/password">{t('profile.password')}</Link>
      </p>
    </form>
  );
}

function Leaving() {
  const { t } = useI18n();
  const { refresh } = useAccount();
  const [open, setOpen] = useState(false);
  const [password, setPassword] = useState('');
  const { busy, failure, run } = useSubmit();
  const erase = async (event: FormEvent) => {
    event.preventDefault();
    const went = await run(async () => {
      await deleteMe(password);
      forgetDrafts();
      await refresh();
    });
    if (!went) return;
    announce(t('erase.done'));
    navigate('/', { replace: true });
  };
  return (
    <section className="erase" aria-labelledby="erase-title">
      <h2 id="erase-title">{t('erase.title')}</h2>
      <p className="soft">{t('erase.text')}</p>
      <button type="button" className="danger" data-testid="erase-open" onClick={() => setOpen(true)}>
        {t('erase.open')}
      </button>
      {open && (
        <Dialog title={t('erase.ask')} onClose={() => setOpen(false)} testid="erase-dialog">
          <form onSubmit={(event) => void erase(event)} className="sheet-plain" noValidate>
            <p>{t('erase.text')}</p>
            <PasswordInput
              label={t('erase.password')}
              value={password}
              onChange={setPassword}
              autoComplete="current-password"
              testid="erase-password"
            />
            <Failure error={failure} />
            <div className="dialog-actions">
              <button type="submit" className="danger" disabled={busy} data-testid="erase-confirm">
                {t(busy ? 'common.sending' : 'erase.confirm')}
              </button>
              <button type="button" onClick={() => setOpen(false)}>
                {t('common.cancel')}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </section>
  );
}
