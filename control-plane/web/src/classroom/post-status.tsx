import { signInPath } from '../account/context';
import { ApiError } from '../api/client';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { Link } from '../router';
import type { Outbox, ParcelView } from './outbox';

/** Tries before "sending" becomes "saved, will be sent": an ordinary call needs no explanation. */
const QUIET_TRIES = 1;

/** Where something handed in is: on this device, on its way, there. Told to screen readers as it changes. */
export function PostStatus({ entry, outbox, quiet }: { entry: ParcelView; outbox: Outbox; quiet?: boolean }) {
  const t = useT();
  const signedOut = entry.error instanceof ApiError && entry.error.status === 401;
  return (
    <div className="post" data-state={entry.state} data-testid="post-status" role="status">
      {entry.state === 'waiting' && (
        <p>
          <span className="brush small" aria-hidden="true" />
          {signedOut
            ? t('post.signin')
            : t(entry.tries < QUIET_TRIES ? 'post.sending' : entry.saved ? 'post.waiting' : 'post.unsaved')}
          {signedOut && <Link href={signInPath()}>{t('lobby.signin')}</Link>}
        </p>
      )}
      {entry.state === 'arrived' && !quiet && <p>✓ {t('post.arrived')}</p>}
      {entry.state === 'refused' && (
        <>
          <p className="field-error">{explain(t, entry.error)}</p>
          {entry.parcel.kind !== 'answer' && (
            <span className="post-actions">
              <button type="button" className="quiet small" onClick={() => outbox.again(entry.parcel.id)}>
                {t('post.again')}
              </button>
              <button type="button" className="quiet small" onClick={() => outbox.drop(entry.parcel.id)}>
                {t('post.drop')}
              </button>
            </span>
          )}
        </>
      )}
    </div>
  );
}
