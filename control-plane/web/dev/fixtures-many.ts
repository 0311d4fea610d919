import type { Node, Ops, Topology } from '../src/api/contract';

/** Twelve towns, a class on nine of them: enough for a tree. `?mock=many` on the page's address. */

const TOWNS: readonly (readonly [string, number, number])[] = [
  ['seoul', 37.57, 126.98],
  ['incheon', 37.46, 126.71],
  ['gangneung', 37.75, 128.88],
  ['chuncheon', 37.88, 127.73],
  ['daejeon', 36.35, 127.38],
  ['andong', 36.57, 128.73],
  ['jeonju', 35.82, 127.15],
  ['daegu', 35.87, 128.6],
  ['gwangju', 35.16, 126.85],
  ['busan', 35.18, 129.08],
  ['mokpo', 34.81, 126.39],
  ['jeju', 33.5, 126.53],
];

/** Where each edge of the class gets it from, and where it goes when that is lost. */
const PLACES: Topology['places'] = {
  'daejeon-edge': { first: null, second: null },
  'seoul-edge': { first: 'daejeon-edge', second: 'jeonju-edge' },
  'jeonju-edge': { first: 'daejeon-edge', second: 'seoul-edge' },
  'daegu-edge': { first: 'daejeon-edge', second: 'seoul-edge' },
  'gangneung-edge': { first: 'seoul-edge', second: 'daejeon-edge' },
  'incheon-edge': { first: 'seoul-edge', second: 'daejeon-edge' },
  'gwangju-edge': { first: 'jeonju-edge', second: 'daejeon-edge' },
  'jeju-edge': { first: 'gwangju-edge', second: 'jeonju-edge' },
  'busan-edge': { first: 'daegu-edge', second: 'daejeon-edge' },
};

export function manyRegions(now: number, drained: ReadonlySet<string>): Ops {
  const nodes = TOWNS.flatMap(([region, latitude, longitude], place): Node[] =>
    (['edge', 'cdn'] as const).map((role) => ({
      id: `${region}-${role}`,
      role,
      region,
      location: { latitude, longitude },
      url: '',
      quic: null,
      admin: '',
      epoch: now - 86_400_000 - place * 1_000_000,
      draining: drained.has(`node/${region}-${role}`) || drained.has(`region/${region}`),
      load: {
        participants: role === 'edge' ? 3 + ((place * 7) % 13) : 0,
        capacity: 300,
        rooms: 1,
        cpu: 0.08 + place / 50,
        bitrate_in_bps: 400_000,
        bitrate_out_bps: 2_000_000 + place * 300_000,
      },
      links: Object.entries(PLACES)
        .filter(([id, { first }]) => id === `${region}-${role}` && first !== null)
        .map(([, { first }]) => ({
          peer: first ?? '',
          rtt_ms: 3 + place,
          loss: place === 11 ? 0.018 : 0,
          bitrate_in_bps: 1_400_000,
          bitrate_out_bps: 120_000,
          flows_in: 4,
          flows_out: 1,
        })),
    })),
  );
  return {
    nodes,
    rooms: [
      { name: 'pole-flower', sid: 'RM_aa', created_at_ms: now - 1_400_000, metadata: '', recording: true },
      { name: 'flowers', sid: 'RM_bb', created_at_ms: now - 500_000, metadata: '', recording: false },
    ],
    presence: [
      ...Object.keys(PLACES).map((node, place) => ({
        room: 'pole-flower',
        room_sid: 'RM_aa',
        node,
        participants: 2 + (place % 4),
        identities: ['바람', '감귤'],
      })),
      ...['busan-edge', 'mokpo-edge', 'andong-edge'].map((node) => ({
        room: 'flowers',
        room_sid: 'RM_bb',
        node,
        participants: 1,
        identities: ['들국'],
      })),
    ],
    recordings: [],
    topologies: [{ room: 'pole-flower', room_sid: 'RM_aa', root: 'daejeon-edge', heir: 'seoul-edge', places: PLACES }],
    drains: [...drained].map((target) => {
      const [kind, name = ''] = target.split('/');
      return {
        target: kind === 'node' ? { node: name } : { region: name },
        requested_at_ms: now - 60_000,
        deadline_ms: now + 1_740_000,
        exit: true,
        requested_by: 'admin',
      };
    }),
    stale_since_ms: null,
  };
}
