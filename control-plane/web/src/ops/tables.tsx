import type { ReactNode } from 'react';
import type { Node, Ops, Topology } from '../api/contract';
import { type Key, regionName, useT } from '../i18n';
import { ago, bitrate, clock, percent, span } from '../i18n/format';
import { Link } from '../router';
import { DrainButton, isWished, type Target } from './drain';
import { type LinkView, type RegionView, ROLE_ORDER, type RoomView } from './fleet';
import { rowsOf } from './tree';

/** Titles of classes by id, as far as they are known. */
export type Titles = ReadonlyMap<string, string>;

/** On a phone each row becomes a card; the column's name then stands before the value. */
function Cell({ label, number, children }: { label: Key; number?: boolean; children: ReactNode }) {
  const t = useT();
  return (
    <td className={number ? 'number' : undefined} data-label={t(label)}>
      {children}
    </td>
  );
}

function Heads({ names }: { names: readonly (readonly [Key, boolean])[] }) {
  const t = useT();
  return (
    <thead>
      <tr>
        {names.map(([name, number]) => (
          <th key={name} scope="col" className={number ? 'number' : undefined}>
            {t(name)}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface Drains {
  drains: Ops['drains'];
  onDrain: (target: Target) => void;
}

export function RegionTable({ regions, drains, onDrain }: { regions: readonly RegionView[] } & Drains) {
  const t = useT();
  if (regions.length === 0) return <p className="soft">{t('ops.nodes.none')}</p>;
  const count = (region: RegionView, role: Node['role']) => region.nodes.filter((node) => node.role === role).length;
  return (
    <div className="table-wrap stacking">
      <table>
        <Heads
          names={[
            ['ops.col.region', false],
            ['ops.role.edge', true],
            ['ops.role.cdn', true],
            ['ops.col.load', true],
            ['ops.drain', true],
          ]}
        />
        <tbody>
          {regions.map((region) => (
            <tr key={region.id} data-testid="ops-region-row" data-region={region.id}>
              <td className="row-head">
                {regionName(t, region.id)} {region.draining && <Draining />}
              </td>
              <Cell label="ops.role.edge" number>
                {count(region, 'edge')}
              </Cell>
              <Cell label="ops.role.cdn" number>
                {count(region, 'cdn')}
              </Cell>
              <Cell label="ops.col.load" number>
                {region.participants}
              </Cell>
              <Cell label="ops.drain" number>
                {count(region, 'edge') + count(region, 'cdn') > 0 && !isWished(drains, { kind: 'region', name: region.id }) && (
                  <DrainButton target={{ kind: 'region', name: region.id }} onAsk={onDrain} />
                )}
              </Cell>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Draining() {
  const t = useT();
  return (
    <span className="badge" data-tone="live">
      {t('ops.draining')}
    </span>
  );
}

export function NodeTable({ nodes, drains, onDrain, nowMs }: { nodes: readonly Node[]; nowMs: number } & Drains) {
  const t = useT();
  if (nodes.length === 0) return <p className="soft">{t('ops.nodes.none')}</p>;
  const ordered = [...nodes].sort((a, b) => ROLE_ORDER.indexOf(a.role) - ROLE_ORDER.indexOf(b.role) || (a.id < b.id ? -1 : 1));
  return (
    <div className="table-wrap stacking">
      <table>
        <Heads
          names={[
            ['ops.col.node', false],
            ['ops.col.role', false],
            ['ops.col.region', false],
            ['ops.col.load', true],
            ['ops.col.cpu', true],
            ['ops.col.in', true],
            ['ops.col.out', true],
            ['ops.col.up', true],
            ['ops.drain', true],
          ]}
        />
        <tbody>
          {ordered.map((node) => (
            <tr key={node.id} data-testid="ops-node" data-id={node.id} data-role={node.role} data-draining={node.draining}>
              <td className="row-head">
                {node.id}{' '}
                {node.draining && <Draining />}
              </td>
              <Cell label="ops.col.role">{t(`ops.role.${node.role}`)}</Cell>
              <Cell label="ops.col.region">{regionName(t, node.region)}</Cell>
              <Cell label="ops.col.load" number>
                {node.role === 'edge'
                  ? `${node.load.participants}${node.load.capacity > 0 ? ` / ${node.load.capacity}` : ''}`
                  : '–'}
              </Cell>
              <Cell label="ops.col.cpu" number>
                {percent(node.load.cpu)}
              </Cell>
              <Cell label="ops.col.in" number>
                {bitrate(node.load.bitrate_in_bps)}
              </Cell>
              <Cell label="ops.col.out" number>
                {bitrate(node.load.bitrate_out_bps)}
              </Cell>
              <Cell label="ops.col.up" number>
                {span(t, nowMs - node.epoch)}
              </Cell>
              <Cell label="ops.drain" number>
                {(node.role === 'edge' || node.role === 'cdn') && !isWished(drains, { kind: 'node', name: node.id }) && (
                  <DrainButton target={{ kind: 'node', name: node.id }} onAsk={onDrain} />
                )}
              </Cell>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function LinkTable({ links }: { links: readonly LinkView[] }) {
  const t = useT();
  if (links.length === 0) return <p className="soft">{t('ops.links.none')}</p>;
  return (
    <div className="table-wrap stacking">
      <table>
        <Heads
          names={[
            ['ops.col.link', false],
            ['ops.col.rtt', true],
            ['ops.col.loss', true],
            ['ops.col.rate', true],
            ['ops.col.flows', true],
          ]}
        />
        <tbody>
          {links.map((link) => (
            <tr key={link.id} data-testid="ops-link" data-id={link.id}>
              <td className="row-head">
                {link.from.id} ⇄ {link.to.id}
              </td>
              <Cell label="ops.col.rtt" number>
                {link.rttMs.toFixed(1)} ms
              </Cell>
              <Cell label="ops.col.loss" number>
                {percent(link.loss)}
              </Cell>
              <Cell label="ops.col.rate" number>
                → {bitrate(link.forwardBps)}
                <br />← {bitrate(link.backwardBps)}
              </Cell>
              <Cell label="ops.col.flows" number>
                → {link.flowsForward}
                <br />← {link.flowsBackward}
              </Cell>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RoomListProps {
  rooms: readonly RoomView[];
  titles: Titles;
  /** By life of the room. */
  topologies: ReadonlyMap<string, Topology>;
  /** The room whose links are on the map. */
  shown: string | null;
  onShow: (sid: string | null) => void;
  nowMs: number;
}

export function RoomList({ rooms, titles, topologies, shown, onShow, nowMs }: RoomListProps) {
  const t = useT();
  if (rooms.length === 0) return <p className="soft">{t('ops.rooms.none')}</p>;
  return (
    <ul className="rooms">
      {rooms.map((room) => (
        <li key={room.sid} className="room" data-testid="ops-room" data-room={room.name} data-shown={room.sid === shown}>
          <p className="room-head">
            <Link href={`/class/${encodeURIComponent(room.name)}`}>
              <b>{titles.get(room.name) ?? room.name}</b>
            </Link>
            {titles.has(room.name) && <span className="soft">{room.name}</span>}
            {room.recording && (
              <span className="badge" data-tone="live">
                {t('live.recording')}
              </span>
            )}
            <span className="soft">
              {t('ops.people', { count: room.participants })} · {ago(t, room.created_at_ms, nowMs)}
            </span>
            {room.places.length > 1 && (
              <button
                type="button"
                className="small"
                aria-pressed={room.sid === shown}
                data-testid="ops-tree-toggle"
                onClick={() => onShow(room.sid === shown ? null : room.sid)}
              >
                {t('ops.tree.show')}
              </button>
            )}
          </p>
          {room.sid === shown && <RoomTree topology={topologies.get(room.sid)} />}
          <ul className="room-places">
            {room.places.length === 0 && <li className="soft">{t('ops.nobody')}</li>}
            {room.places.map((place) => (
              <li key={place.node} data-testid="ops-presence" data-node={place.node}>
                <span className="place-node">
                  {place.node} <b>{place.participants}</b>
                </span>
                <span className="soft">{place.identities.join(', ')}</span>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}

/** How a room is linked, in words. */
function RoomTree({ topology }: { topology: Topology | undefined }) {
  const t = useT();
  if (!topology) return <p className="soft">{t('ops.tree.direct')}</p>;
  return (
    <ol className="tree" aria-label={t('ops.tree.show')} data-testid="ops-tree">
      {rowsOf(topology).map(({ node, depth, second }) => (
        <li key={node} style={{ paddingInlineStart: `${depth * 1.2}rem` }}>
          {depth > 0 && '└ '}
          {node} {second !== null && <span className="soft">{t('ops.tree.second', { node: second })}</span>}
        </li>
      ))}
    </ol>
  );
}

export function RecordingTable({ recordings, titles, nowMs }: { recordings: Ops['recordings']; titles: Titles; nowMs: number }) {
  const t = useT();
  if (recordings.length === 0) return <p className="soft">{t('ops.recordings.none')}</p>;
  return (
    <div className="table-wrap stacking">
      <table>
        <Heads
          names={[
            ['ops.col.class', false],
            ['ops.col.state', false],
            ['ops.col.started', true],
            ['ops.col.length', true],
            ['ops.recording.watch', true],
          ]}
        />
        <tbody>
          {[...recordings]
            .sort((a, b) => b.started_at_ms - a.started_at_ms)
            .map((recording) => (
              <tr key={recording.room_sid} data-testid="ops-recording" data-room={recording.room} data-state={recording.state}>
                <td className="row-head">{titles.get(recording.room) ?? recording.room}</td>
                <Cell label="ops.col.state">{t(`ops.recording.${recording.state}`)}</Cell>
                <Cell label="ops.col.started" number>
                  {ago(t, recording.started_at_ms, nowMs)}
                </Cell>
                <Cell label="ops.col.length" number>
                  {clock(recording.duration_ms)}
                </Cell>
                <Cell label="ops.recording.watch" number>
                  <Link href={`/replay/${encodeURIComponent(recording.room)}?manifest=${encodeURIComponent(recording.manifest)}`}>
                    {t('ops.recording.watch')}
                  </Link>
                </Cell>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}
