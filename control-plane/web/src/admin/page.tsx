import { useState } from 'react';
import { changeAccount, findAccounts } from '../api/client';
import type { Account, AccountRole } from '../api/contract';
import { useI18n } from '../i18n';
import { explain } from '../i18n/errors';
import { ago } from '../i18n/format';
import { announce } from '../ui/announce';
import { Dialog } from '../ui/dialog';
import { Failure } from '../ui/failure';
import { SignedIn } from '../ui/signed-in';
import { Skeleton } from '../ui/skeleton';
import { usePages } from '../ui/use-pages';
import { useSubmit } from '../ui/use-submit';
import { useTitle } from '../ui/use-title';

const ROLES: readonly AccountRole[] = ['student', 'instructor', 'admin'];

/** `/admin`: who has an account, as what, and whether it works. */
export default function AdminPage() {
  const { t } = useI18n();
  useTitle(t('admin.title'));
  return (
    <div className="page">
      <h1>{t('admin.title')}</h1>
      <SignedIn role="admin">{(account) => <Accounts own={account.id} />}</SignedIn>
    </div>
  );
}

function Accounts({ own }: { own: string }) {
  const { t } = useI18n();
  const [text, setText] = useState('');
  const [asked, setAsked] = useState('');
  const pages = usePages<Account>((cursor) => findAccounts(asked, cursor), [asked]);
  const replace = (changed: Account) =>
    pages.change((items) => items.map((known) => (known.id === changed.id ? { ...known, ...changed } : known)));
  return (
    <>
      <form
        className="search-line"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(text.trim());
        }}
      >
        <input
          type="search"
          aria-label={t('admin.search')}
          placeholder={t('admin.search')}
          value={text}
          maxLength={100}
          data-testid="admin-search"
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit">{t('search.submit')}</button>
      </form>
      <Failure error={pages.error} onRetry={pages.retry} />
      {!pages.items && pages.error === null && <Skeleton shape="rows" count={6} />}
      {pages.items?.length === 0 && <p className="soft">{t('admin.none')}</p>}
      {pages.items && pages.items.length > 0 && (
        <div className="table-wrap">
          <table className="stacking" data-testid="accounts">
            <thead>
              <tr>
                <th scope="col">{t('account.name')}</th>
                <th scope="col">{t('account.email')}</th>
                <th scope="col">{t('admin.since')}</th>
                <th scope="col">{t('admin.role')}</th>
                <th scope="col">{t('admin.state')}</th>
              </tr>
            </thead>
            <tbody>
              {pages.items.map((account) => (
                <Row key={account.id} account={account} own={account.id === own} onChanged={replace} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {pages.more && (
        <button type="button" className="load-more" disabled={pages.busy} onClick={pages.loadMore}>
          {t(pages.busy ? 'common.loading' : 'common.more')}
        </button>
      )}
    </>
  );
}

function Row({ account, own, onChanged }: { account: Account; own: boolean; onChanged: (account: Account) => void }) {
  const { t } = useI18n();
  const [asking, setAsking] = useState(false);
  const { busy, failure, run } = useSubmit();
  const change = async (what: { role?: AccountRole; disabled?: boolean }) => {
    setAsking(false);
    const went = await run(async () => onChanged({ ...account, ...what, ...(await changeAccount(account.id, what)) }));
    if (went) announce(t('common.saved'));
  };
  return (
    <tr data-testid="account-row" data-disabled={account.disabled ?? false}>
      <td data-label={t('account.name')}>
        <b>{account.name}</b>
        {own && <span className="soft"> ({t('common.here')})</span>}
      </td>
      <td data-label={t('account.email')}>{account.email}</td>
      <td data-label={t('admin.since')} className="soft">
        {ago(t, account.created_at_ms, Date.now())}
      </td>
      <td data-label={t('admin.role')}>
        <select
          className="small"
          aria-label={t('admin.role.of', { name: account.name })}
          value={account.role}
          disabled={busy || own}
          onChange={(event) => void change({ role: event.target.value as AccountRole })}
        >
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {t(`role.${role}`)}
            </option>
          ))}
        </select>
      </td>
      <td data-label={t('admin.state')}>
        <span className="badge" data-tone={account.disabled ? 'warn' : 'good'}>
          {t(account.disabled ? 'admin.disabled' : 'admin.active')}
        </span>{' '}
        {!own && (
          <button
            type="button"
            className="quiet small"
            disabled={busy}
            onClick={() => (account.disabled ? void change({ disabled: false }) : setAsking(true))}
          >
            {t(account.disabled ? 'admin.enable' : 'admin.disable')}
            <span className="hidden-visually">: {account.name}</span>
          </button>
        )}
        {failure !== null && (
          <p className="field-error" role="alert">
            {explain(t, failure)}
          </p>
        )}
        {asking && (
          <Dialog title={t('admin.disable.ask', { name: account.name })} onClose={() => setAsking(false)}>
            <p>{t('admin.disable.text')}</p>
            <div className="dialog-actions">
              <button type="button" className="danger" onClick={() => void change({ disabled: true })}>
                {t('admin.disable')}
              </button>
              <button type="button" onClick={() => setAsking(false)}>
                {t('common.cancel')}
              </button>
            </div>
          </Dialog>
        )}
      </td>
    </tr>
  );
}
