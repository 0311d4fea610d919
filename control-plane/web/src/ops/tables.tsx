import type { ReactNode } from 'react';
import type { Node, Ops } from '../api/contract';
import { type Key, regionName, useT } from '../i18n';
import { ago, bitrate, clock, percent, span } from '../i18n/format';
import { Link } from '../router';
import { type LinkView, ROLE_ORDER, type RoomView } from './fleet';

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

export function NodeTable({ nodes, nowMs }: { nodes: readonly Node[]; nowMs: number }) {
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
          ]}
        />
        <tbody>
          {ordered.map((node) => (
            <tr key={node.id} data-testid="ops-node" data-id={node.id} data-role={node.role} data-draining={node.draining}>
              <td className="row-head">
                {node.id}{' '}
                {node.draining && (
                  <span className="badge" data-tone="live">
                    {t('ops.draining')}
                  </span>
                )}
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

export function RoomList({ rooms, titles, nowMs }: { rooms: readonly RoomView[]; titles: Titles; nowMs: number }) {
  const t = useT();
  if (rooms.length === 0) return <p className="soft">{t('ops.rooms.none')}</p>;
  return (
    <ul className="rooms">
      {rooms.map((room) => (
        <li key={room.sid} className="room" data-testid="ops-room" data-room={room.name}>
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
          </p>
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
