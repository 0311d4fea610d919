import { signInPath, useAccount } from '../account/context';
import { ApiError } from '../api/client';
import { useI18n } from '../i18n';
import { explain } from '../i18n/errors';
import { navigate } from '../router';
import { Notice } from './notice';

/** What went wrong, and the way on: to try again, or to sign in again and come back here. `null`: nothing went wrong. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useI18n();
  const { refresh } = useAccount();
  if (error === null) return null;
  const signedOut = error instanceof ApiError && error.code === 'not_signed_in';
  const signIn = async () => {
    const back = signInPath();
    await refresh();
    navigate(back);
  };
  return (
    <Notice
      tone="bad"
      title={explain(t, error)}
      testid="error-banner"
      action={
        signedOut ? (
          <button type="button" data-testid="sign-in-again" onClick={() => void signIn()}>
            {t('nav.signin')}
          </button>
        ) : (
          onRetry && (
            <button type="button" data-testid="retry" onClick={onRetry}>
              {t('common.retry')}
            </button>
          )
        )
      }
    />
  );
}
