import { type ReactNode, useEffect, useState } from 'react';
import { ApiError, listClasses } from '../api/client';
import type { Ops } from '../api/contract';
import { useT } from '../i18n';
import { explain } from '../i18n/errors';
import { ago, bitrate } from '../i18n/format';
import { ErrorNotice, Loading } from '../ui/notice';
import { SignedIn } from '../ui/signed-in';
import { useLoad } from '../ui/use-load';
import { useTitle } from '../ui/use-title';
import { DrainDialog, DrainList, type Target } from './drain';
import { linksOf, regionsOf, roomsOf } from './fleet';
import { FleetMap } from './map';
import { LinkTable, NodeTable, RecordingTable, RegionTable, RoomList } from './tables';
import { branchesOf } from './tree';
import { useOps } from './use-ops';
import './ops.css';

const TITLES_REFRESH_MS = 15_000;

/** `/ops`: what runs where, and what flows between. */
export default function OpsPage() {
  const t = useT();
  const [round, setRound] = useState(0);
  const { ops, live, error } = useOps(round);
  useTitle(t('ops.title'));
  const notice = <ErrorNotice text={explain(t, error)} onRetry={() => setRound((count) => count + 1)} />;
  return (
    <div className="page ops" data-testid="ops">
      <header className="ops-head">
        <div>
          <h1>{t('ops.title')}</h1>
          <p className="soft">{t('ops.intro')}</p>
        </div>
        {ops && (
          <span className="badge ops-live" data-testid="ops-live" data-live={live} role="status">
            {t(live ? 'ops.live' : 'ops.stale')}
          </span>
        )}
      </header>
      {error !== null && (isGate(error) ? <SignedIn role="admin">{() => notice}</SignedIn> : notice)}
      {!ops && error === null && <Loading />}
      {ops && <Fleet ops={ops} />}
    </div>
  );
}

/** The picture is an admin's to see. */
const isGate = (error: unknown): boolean => error instanceof ApiError && (error.status === 401 || error.status === 403);

function Fleet({ ops }: { ops: Ops }) {
  const t = useT();
  const nowMs = useNow();
  const { value: classes } = useLoad(listClasses, [], TITLES_REFRESH_MS);
  const titles = new Map(classes?.map((entry) => [entry.id, entry.title]));
  const regions = regionsOf(ops.nodes);
  const links = linksOf(ops.nodes);
  const rooms = roomsOf(ops);
  const edges = ops.nodes.filter((node) => node.role === 'edge');
  const [shown, setShown] = useState<string | null>(null);
  const [asked, setAsked] = useState<Target | null>(null);
  const room = rooms.find((entry) => entry.sid === shown);
  const topologies = new Map(ops.topologies.map((topology) => [topology.room_sid, topology]));
  const people = (target: Target) =>
    edges
      .filter((node) => (target.kind === 'node' ? node.id : node.region) === target.name)
      .reduce((total, node) => total + node.load.participants, 0);
  const sum = (of: (node: Ops['nodes'][number]) => number) => edges.reduce((total, node) => total + of(node), 0);
  return (
    <>
      {ops.stale_since_ms != null && (
        <p className="deck-note" role="status">
          {t('ops.store_away', { since: ago(t, ops.stale_since_ms, nowMs) })}
        </p>
      )}
      <div className="ops-top">
        <FleetMap regions={regions} links={links} branches={room ? branchesOf(topologies.get(room.sid), room.places) : null} />
        <div className="ops-side">
          <dl className="figures">
            <Figure name={t('ops.sum.people')} value={String(sum((node) => node.load.participants))} />
            <Figure name={t('ops.sum.rooms')} value={String(rooms.length)} />
            <Figure name={t('ops.sum.out')} value={bitrate(sum((node) => node.load.bitrate_out_bps))} />
            <Figure name={t('ops.sum.nodes')} value={String(ops.nodes.length)} />
          </dl>
          <Section id="rooms" title={t('ops.rooms')}>
            <RoomList
              rooms={rooms}
              titles={titles}
              topologies={topologies}
              shown={room?.sid ?? null}
              onShow={setShown}
              nowMs={nowMs}
            />
          </Section>
        </div>
      </div>
      <Section id="regions" title={t('ops.regions')}>
        <RegionTable regions={regions} drains={ops.drains} onDrain={setAsked} />
      </Section>
      <Section id="drains" title={t('ops.drains')}>
        <DrainList drains={ops.drains} nodes={edges} nowMs={nowMs} />
      </Section>
      {asked && <DrainDialog target={asked} people={people(asked)} onClose={() => setAsked(null)} />}
      <Section id="links" title={t('ops.links')}>
        <LinkTable links={links} />
      </Section>
      <Section id="nodes" title={t('ops.nodes')}>
        <NodeTable nodes={ops.nodes} drains={ops.drains} onDrain={setAsked} nowMs={nowMs} />
      </Section>
      <Section id="recordings" title={t('ops.recordings')}>
        <RecordingTable recordings={ops.recordings} titles={titles} nowMs={nowMs} />
      </Section>
    </>
  );
}

function Section({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section className="ops-section" aria-labelledby={`ops-${id}`}>
      <h2 id={`ops-${id}`}>{title}</h2>
      {children}
    </section>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** "For how long" grows even when nothing changes. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
