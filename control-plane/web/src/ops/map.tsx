import { useMemo } from 'react';
import { regionName, useT } from '../i18n';
import { bitrate, percent } from '../i18n/format';
import { type LinkView, type RegionView, ROLE_ORDER } from './fleet';
import { coast, frameFor, ISLETS, type Point, projection } from './geography';
import type { Branch } from './tree';

/** More labels than this hide the map; the table below has them all. */
const LABELS_MAX = 8;
/** Regions nearer than this in height would write over each other. */
const BESIDE_PX = 60;
/** Loss from here on stands on the map. */
const LOSS_SHOWN = 0.005;
/** A link of 1 Mbit/s and one of 1 Gbit/s are to be told apart: width grows with the logarithm. */
const WIDTH_PER_DECADE = 1.6;

/** Where everything stands, and what flows between; with `branches`, how one room is linked. The tables below say the same in words. */
export function FleetMap({ regions, links, branches }: { regions: RegionView[]; links: LinkView[]; branches: Branch[] | null }) {
  const t = useT();
  const placed = regions.filter((region) => region.location !== null);
  const map = useMemo(
    () => projection(frameFor(placed.map((region) => region.location).filter((place) => place !== null))),
    [placed.map((region) => `${region.location?.latitude},${region.location?.longitude}`).join()],
  );
  const points = new Map(placed.map((region) => [region.id, region.location ? map.project(region.location) : { x: 0, y: 0 }]));
  const between = betweenRegions(links);
  const regionOf = new Map(regions.flatMap((region) => region.nodes.map((node) => [node.id, region.id])));
  return (
    <figure className="map">
      <svg data-tree={branches !== null} viewBox={`0 0 ${map.width.toFixed(0)} ${map.height}`} role="img" aria-label={t('ops.map')} data-testid="ops-map">
        <path className="map-land" d={coast(map)} />
        {ISLETS.map((islet) => map.project(islet)).map(({ x, y }) => (
          <circle key={x} className="map-land" cx={x} cy={y} r={2.5} />
        ))}
        {between.map((pair) => {
          const from = points.get(pair.from);
          const to = points.get(pair.to);
          return (
            from &&
            to && (
              <MapLink key={`${pair.from}~${pair.to}`} pair={pair} from={from} to={to} labelled={between.length <= LABELS_MAX} />
            )
          );
        })}
        {branches?.map(({ from, to, spare }) => {
          const [start, end] = [points.get(regionOf.get(from) ?? ''), points.get(regionOf.get(to) ?? '')];
          return start && end && start !== end && <MapBranch key={`${from}~${to}~${spare}`} from={start} to={end} spare={spare} />;
        })}
        {placed.map((region) => {
          const at = points.get(region.id) ?? { x: 0, y: 0 };
          return <MapRegion key={region.id} region={region} at={at} left={labelLeft(at, [...points.values()])} />;
        })}
      </svg>
      <figcaption className="soft">{t(branches === null ? 'ops.map.legend' : 'ops.map.tree')}</figcaption>
    </figure>
  );
}

/** A link of the room that is looked at: from where the class comes to where it goes. */
function MapBranch({ from, to, spare }: { from: Point; to: Point; spare: boolean }) {
  const bend = spare ? 0.16 : 0;
  const middle = { x: (from.x + to.x) / 2 + (to.y - from.y) * bend, y: (from.y + to.y) / 2 - (to.x - from.x) * bend };
  return <path className="map-branch" data-spare={spare} d={`M${from.x} ${from.y}Q${middle.x} ${middle.y} ${to.x} ${to.y}`} />;
}

/** A name stands on the side where no other region stands beside it. */
function labelLeft(at: Point, all: readonly Point[]): boolean {
  const beside = all.filter((other) => other !== at && Math.abs(other.y - at.y) < BESIDE_PX);
  const nearest = beside.sort((a, b) => Math.abs(a.x - at.x) - Math.abs(b.x - at.x))[0];
  return nearest !== undefined && nearest.x > at.x;
}

function MapRegion({ region, at, left }: { region: RegionView; at: Point; left: boolean }) {
  const t = useT();
  const radius = 9 + Math.min(14, Math.sqrt(region.participants) * 3);
  const x = left ? at.x - radius - 7 : at.x + radius + 7;
  const roles = ROLE_ORDER.filter((role) => region.nodes.some((node) => node.role === role)).map((role) => t(`ops.role.${role}`));
  const lines = region.draining ? [t('ops.draining')] : [roles.slice(0, 2).join(' · '), roles.slice(2).join(' · ')];
  return (
    <g
      className="map-region"
      data-draining={region.draining}
      data-testid="ops-region"
      data-region={region.id}
      textAnchor={left ? 'end' : 'start'}
    >
      <circle cx={at.x} cy={at.y} r={radius} />
      {region.participants > 0 && (
        <text className="map-count" x={at.x} y={at.y} textAnchor="middle" dominantBaseline="central">
          {region.participants}
        </text>
      )}
      <text className="map-name" x={x} y={at.y - 3}>
        {regionName(t, region.id)}
      </text>
      <text className="map-roles" y={at.y}>
        {lines.map((line, place) => (
          <tspan key={place} x={x} dy="1.2em">
            {line}
          </tspan>
        ))}
      </text>
    </g>
  );
}

interface RegionPair {
  from: string;
  to: string;
  bps: number;
  rttMs: number;
  loss: number;
}

function betweenRegions(links: LinkView[]): RegionPair[] {
  const pairs = new Map<string, RegionPair>();
  for (const link of links) {
    if (link.from.region === link.to.region) continue;
    const [from = '', to = ''] = [link.from.region, link.to.region].sort();
    const pair = pairs.get(`${from}~${to}`) ?? { from, to, bps: 0, rttMs: Infinity, loss: 0 };
    pair.bps += link.forwardBps + link.backwardBps;
    pair.rttMs = Math.min(pair.rttMs, link.rttMs);
    pair.loss = Math.max(pair.loss, link.loss);
    pairs.set(`${from}~${to}`, pair);
  }
  return [...pairs.values()];
}

function MapLink({ pair, from, to, labelled }: { pair: RegionPair; from: Point; to: Point; labelled: boolean }) {
  // Bent to the side, so that lines on one another stay apart.
  const bend = { x: (from.x + to.x) / 2 + (to.y - from.y) * 0.12, y: (from.y + to.y) / 2 - (to.x - from.x) * 0.12 };
  const label = labelOf(from, to, bend);
  const idle = pair.bps < 1_000;
  const width = idle ? 1.5 : 1.5 + WIDTH_PER_DECADE * Math.max(0, Math.log10(pair.bps / 10_000));
  return (
    <g className="map-link" data-idle={idle}>
      <path d={`M${from.x} ${from.y}Q${bend.x} ${bend.y} ${to.x} ${to.y}`} strokeWidth={width} />
      {labelled && (
        <text x={label.x} y={label.y} textAnchor={label.anchor}>
          <tspan x={label.x} dy={label.above ? '-1.2em' : '0.3em'}>
            {Math.round(pair.rttMs * 10) / 10} ms{pair.loss >= LOSS_SHOWN && ` · ${percent(pair.loss)}`}
          </tspan>
          {!idle && (
            <tspan x={label.x} dy="1.15em">
              {bitrate(pair.bps)}
            </tspan>
          )}
        </text>
      )}
    </g>
  );
}

/** Beside the middle of the line, on the side it bends to. */
function labelOf(from: Point, to: Point, bend: Point): Point & { anchor: 'start' | 'middle' | 'end'; above: boolean } {
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const length = Math.hypot(bend.x - middle.x, bend.y - middle.y) || 1;
  const out = { x: (bend.x - middle.x) / length, y: (bend.y - middle.y) / length };
  const anchor = out.x < -0.4 ? ('end' as const) : out.x > 0.4 ? ('start' as const) : ('middle' as const);
  return { x: (middle.x + bend.x) / 2 + out.x * 10, y: (middle.y + bend.y) / 2 + out.y * 14, anchor, above: out.y < -0.4 };
}
