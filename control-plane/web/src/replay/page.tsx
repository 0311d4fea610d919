import { useMemo, useState } from 'react';
import { signInPath, useAccount } from '../account/context';
import { ApiError, getClass, getConfig } from '../api/client';
import { regionName, useT } from '../i18n';
import { explain } from '../i18n/errors';
import { RegionSelect } from '../lobby/region-select';
import { classHref, Link } from '../router';
import { recall, remember } from '../storage';
import { ErrorNotice, Loading, Notice } from '../ui/notice';
import { useLoad } from '../ui/use-load';
import { useTitle } from '../ui/use-title';
import { Deck } from './deck';
import { merge } from './happenings';
import { useReplay } from './use-replay';
import { useTold } from './use-told';
import '../classroom/classroom.css';
import './replay.css';

/** `/replay/{id}`: a recorded class on one clock, from the cdn node nearest to the viewer. */
export default function ReplayPage({ id }: { id: string }) {
  const t = useT();
  const { value: config, error: configError } = useLoad(getConfig, []);
  const [regionId, setRegionId] = useState(new URLSearchParams(location.search).get('region') ?? recall('region') ?? '');
  const region = config?.dev ? (config.regions.find((known) => known.id === regionId) ?? config.regions[0] ?? null) : null;
  // Without settings the viewer's address says where they are: that is how it works outside of development anyway.
  const { engine, manifest, node, events: recorded, resumedMs, error, retry } = useReplay(
    id,
    config || configError !== null ? region : undefined,
  );
  const { account } = useAccount();
  const told = useTold(id, manifest?.room_sid, account !== null, manifest?.state === 'live');
  const events = useMemo(() => merge(recorded, told), [recorded, told]);
  // Asked for on its own: a class without a replay has a title, too.
  const { value: entry, error: entryError } = useLoad(() => getClass(id), [id]);
  const title = entry?.title ?? id;
  useTitle(`${title} · ${t('replay.label')}`);
  const missing = error instanceof ApiError && error.code === 'no_replay';

  return (
    <div className="page replay-page" data-testid="replay" data-state={manifest?.state ?? 'loading'}>
      <header className="replay-head">
        <Link href={classHref(id)} className="soft">
          ← {t('replay.class')}
        </Link>
        <h1>{title}</h1>
        {entry && <p>{t('home.by', { name: entry.instructor.name })}</p>}
      </header>
      {missing && (entry !== null || entryError !== null) && (
        <Missing id={id} closed={entry?.has_replay ?? false} signedIn={account !== null} onRetry={retry} />
      )}
      {error !== null && !missing && <ErrorNotice text={explain(t, error)} onRetry={retry} />}
      {!engine && error === null && <Loading />}
      {engine && manifest && (
        <Deck
          engine={engine}
          manifest={manifest}
          events={events}
          classId={id}
          teacher={entry?.instructor ?? null}
          teaches={entry?.mine?.teaches ?? false}
          resumedMs={resumedMs}
        />
      )}
      {engine && (
        <footer className="replay-foot">
          {node && (
            <p className="soft">
              {t('replay.node')}: {regionName(t, node.region)} · <span data-testid="cdn-node">{node.id}</span>
            </p>
          )}
          {config?.dev && region && (
            <RegionSelect
              regions={config.regions}
              value={region.id}
              label={t('lobby.region')}
              testid="replay-region"
              onChange={(next) => {
                remember('region', next);
                setRegionId(next);
              }}
            />
          )}
        </footer>
      )}
    </div>
  );
}

/** There is none yet, or it is for those who take the class: then the way to become one of them. */
function Missing({ id, closed, signedIn, onRetry }: { id: string; closed: boolean; signedIn: boolean; onRetry: () => void }) {
  const t = useT();
  if (closed) {
    return (
      <Notice
        title={t('replay.closed.title')}
        text={t(signedIn ? 'replay.closed.enrol' : 'replay.closed.signin')}
        testid="replay-closed"
        action={
          <Link className="button primary" href={signedIn ? classHref(id) : signInPath()}>
            {t(signedIn ? 'replay.class' : 'nav.signin')}
          </Link>
        }
      />
    );
  }
  return (
    <Notice
      title={t('replay.none.title')}
      text={t('replay.none.text')}
      testid="replay-none"
      action={
        <button type="button" data-testid="retry" onClick={onRetry}>
          {t('common.retry')}
        </button>
      }
    />
  );
}
