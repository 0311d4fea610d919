import { useState } from 'react';
import { getClass } from '../api/client';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { LiveClass } from '../live/live-class';
import { createSession } from '../live/session';
import type { LiveSession } from '../live/view';
import { Link } from '../router';
import { ErrorNotice, Loading } from '../ui/notice';
import { useLoad } from '../ui/use-load';
import { useTitle } from '../ui/use-title';
import { Lobby } from './lobby';

/** `/class/{id}`: the door of a class, and behind it the class. */
export default function ClassPage({ id }: { id: string }) {
  const t = useT();
  const { value: entry, error, retry } = useLoad(() => getClass(id), [id]);
  const [session, setSession] = useState<LiveSession | null>(null);
  useTitle(entry?.title ?? t('home.title'));

  if (entry && session) return <LiveClass entry={entry} session={session} onBack={() => setSession(null)} />;
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
      {!entry && error === null && <Loading />}
      {entry && <Lobby entry={entry} onReady={(options) => setSession(createSession(options))} />}
    </div>
  );
}
