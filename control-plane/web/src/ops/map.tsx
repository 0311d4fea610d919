import { useMemo } from 'react';
import { regionName, useT } from '../i18n';
import { bitrate } from '../i18n/format';
import type { LinkView, RegionView } from './fleet';
import { coast, frameFor, type Point, projection } from './geography';

/** More labels than this hide the map; the table below has them all. */
const LABELS_MAX = 8;
/** A link of 1 Mbit/s and one of 1 Gbit/s are to be told apart: width grows with the logarithm. */
const WIDTH_PER_DECADE = 1.6;

/** Where everything stands, and what flows between. The tables below say the same in words. */
export function FleetMap({ regions, links }: { regions: RegionView[]; links: LinkView[] }) {
  const t = useT();
  const placed = regions.filter((region) => region.location !== null);
  const map = useMemo(
    () => projection(frameFor(placed.map((region) => region.location).filter((place) => place !== null))),
    [placed.map((region) => `${region.location?.latitude},${region.location?.longitude}`).join()],
  );
  const points = new Map(placed.map((region) => [region.id, region.location ? map.project(region.location) : { x: 0, y: 0 }]));
  const between = betweenRegions(links);
  return (
    <figure className="map">
      <svg viewBox={`0 0 ${map.width.toFixed(0)} ${map.height}`} role="img" aria-label={t('ops.map')} data-testid="ops-map">
        <path className="map-land" d={coast(map)} />
        {between.map((pair) => {
          const from = points.get(pair.from);
          const to = points.get(pair.to);
          return from && to && <MapLink key={`${pair.from}~${pair.to}`} pair={pair} from={from} to={to} label={between.length <= LABELS_MAX} />;
        })}
        {placed.map((region) => <MapRegion key={region.id} region={region} at={points.get(region.id) ?? { x: 0, y: 0 }} width={map.width} />)}
      </svg>
      <figcaption className="soft">{t('ops.map.legend')}</figcaption>
    </figure>
  );
}

function MapRegion({ region, at, width }: { region: RegionView; at: Point; width: number }) {
  const t = useT();
  const radius = 9 + Math.min(14, Math.sqrt(region.participants) * 3);
  const left = at.x > width * 0.62;
  const x = left ? at.x - radius - 7 : at.x + radius + 7;
  const roles = [...new Set(region.nodes.map((node) => t(`ops.role.${node.role}`)))].join(' · ');
  return (
    <g className="map-region" data-draining={region.draining} data-testid="ops-region" data-region={region.id} textAnchor={left ? 'end' : 'start'}>
      <circle cx={at.x} cy={at.y} r={radius} />
      {region.participants > 0 && <text className="map-count" x={at.x} y={at.y} textAnchor="middle" dominantBaseline="central">{region.participants}</text>}
      <text className="map-name" x={x} y={at.y - 3}>{regionName(t, region.id)}</text>
      <text className="map-roles" x={x} y={at.y + 14}>{region.draining ? t('ops.draining') : roles}</text>
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

function MapLink({ pair, from, to, label }: { pair: RegionPair; from: Point; to: Point; label: boolean }) {
  // Bent to the side, so that lines on one another stay apart.
  const bend = { x: (from.x + to.x) / 2 + (to.y - from.y) * 0.12, y: (from.y + to.y) / 2 - (to.x - from.x) * 0.12 };
  const top = { x: (from.x + to.x) / 4 + bend.x / 2, y: (from.y + to.y) / 4 + bend.y / 2 };
  const idle = pair.bps < 1_000;
  const width = idle ? 1.5 : 1.5 + WIDTH_PER_DECADE * Math.max(0, Math.log10(pair.bps / 10_000));
  return (
    <g className="map-link" data-idle={idle} data-lossy={pair.loss >= 0.02}>
      <path d={`M${from.x} ${from.y}Q${bend.x} ${bend.y} ${to.x} ${to.y}`} strokeWidth={width} />
      {label && (
        <text x={top.x} y={top.y} textAnchor="middle">
          <tspan x={top.x} dy="-0.2em">{Math.round(pair.rttMs * 10) / 10} ms</tspan>
          {!idle && <tspan x={top.x} dy="1.15em">{bitrate(pair.bps)}</tspan>}
        </text>
      )}
    </g>
  );
}
