import { lazy, Suspense, useEffect, useState } from 'react';
import { ApiError, getClass } from '../api/client';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import type { SessionOptions } from '../live/session';
import type { LiveSession } from '../live/view';
import { Link } from '../router';
import { ErrorNotice, Loading } from '../ui/notice';
import { useLoad } from '../ui/use-load';
import { useTitle } from '../ui/use-title';
import { Lobby } from './lobby';

/** What the class itself needs comes while one looks into the mirror. */
const loadSession = () => import('../live/session');
const loadLive = () => import('../live/live-class');
const LiveClass = lazy(() => loadLive().then((live) => ({ default: live.LiveClass })));

/** `/class/{id}/room`: the door of a class, and behind it the class. */
export default function ClassPage({ id }: { id: string }) {
  const t = useT();
  const { value: entry, error, retry } = useLoad(() => getClass(id), [id]);
  const [session, setSession] = useState<LiveSession | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useTitle(entry?.title ?? t('home.title'));
  const here = entry !== null;
  useEffect(() => {
    // Fetched ahead: a network that fails at the door must not keep the class out. A failure shows when it is needed.
    if (here) Promise.all([loadSession(), loadLive()]).catch(() => undefined);
  }, [here]);
  const join = (options: SessionOptions) => {
    setFailure(null);
    loadSession().then(
      ({ createSession }) => setSession(createSession(options)),
      (cause: unknown) => {
        options.media.camera?.stop();
        options.media.microphone?.stop();
        setFailure(new ApiError('unreachable', String(cause)));
      },
    );
  };

  if (entry && session) {
    return (
      <Suspense fallback={<Loading />}>
        <LiveClass entry={entry} session={session} onBack={() => setSession(null)} />
      </Suspense>
    );
  }
  return (
    <div className="page">
      {error !== null && (
        <>
          <ErrorNotice text={explain(t, error)} onRetry={retry} />
          <p>
            <Link href="/">{t('common.home')}</Link>
          </p>
        </>
      )}
      {failure !== null && <ErrorNotice text={explain(t, failure)} />}
      {!entry && error === null && <Loading />}
      {entry && <Lobby entry={entry} onReady={join} />}
    </div>
  );
}
