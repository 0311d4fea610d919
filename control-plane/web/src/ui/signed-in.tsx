import type { ReactNode } from 'react';
import { signInPath, useAccount } from '../account/context';
import type { Account, AccountRole } from '../api/contract';
import { useT } from '../i18n';
import { Link } from '../router';
import { Notice } from './notice';
import { Skeleton } from './skeleton';
import { Failure } from './failure';

interface SignedInProps {
  /** Who may come in; administrators always may. */
  role?: AccountRole;
  /** What is behind it has the page's heading; a notice in its place has to bring one. */
  heads?: boolean;
  children: (account: Account) => ReactNode;
}

/** What is behind it is for people who are signed in; others are told how to get there. */
export function SignedIn({ role, heads = false, children }: SignedInProps) {
  const t = useT();
  const { account, known, error, refresh } = useAccount();
  if (account && (!role || account.role === role || account.role === 'admin')) return children(account);
  if (!known) return error === null ? <Skeleton /> : <Failure error={error} onRetry={() => void refresh()} />;
  if (account) {
    return (
      <Notice
        heads={heads}
        title={t('gate.role.title')}
        text={t(role === 'admin' ? 'gate.role.admin' : 'gate.role.instructor')}
        action={
          <Link className="button" href="/">
            {t('common.home')}
          </Link>
        }
      />
    );
  }
  return (
    <Notice
      heads={heads}
      title={t('gate.title')}
      text={t('gate.text')}
      testid="sign-in-needed"
      action={
        <>
          <Link className="button primary" href={signInPath()}>
            {t('nav.signin')}
          </Link>
          <Link className="button" href={signInPath().replace('/signin', '/signup')}>
            {t('nav.signup')}
          </Link>
        </>
      }
    />
  );
}
