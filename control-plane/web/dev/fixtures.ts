import type { Link, Node, Ops } from '../src/api/contract';

export { classes } from './school-fixtures';

const now = Date.now();

const PLACES = {
  seoul: { latitude: 37.5665, longitude: 126.978 },
  gangneung: { latitude: 37.7519, longitude: 128.8761 },
  jeju: { latitude: 33.4996, longitude: 126.5312 },
} as const;

function node(role: Node['role'], region: keyof typeof PLACES, participants = 0, links: Link[] = []): Node {
  const wobble = 0.9 + Math.random() * 0.2;
  return {
    id: role === 'edge' ? `${region}-edge` : `${region}-${role}`,
    role,
    region,
    location: PLACES[region],
    url: 'http://127.0.0.1',
    quic: null,
    admin: '',
    epoch: now - 7_300_000,
    draining: false,
    links,
    load: {
      participants,
      capacity: role === 'edge' ? 500 : 0,
      rooms: participants > 0 ? 2 : 0,
      cpu: 0.03 + participants * 0.006,
      bitrate_in_bps: participants * 240_000 * wobble,
      bitrate_out_bps: participants * 1_900_000 * wobble,
    },
  };
}

const link = (peer: string, rtt_ms: number, out: number, into: number, loss = 0): Link => ({
  peer,
  rtt_ms,
  loss,
  bitrate_out_bps: out * (0.9 + Math.random() * 0.2),
  bitrate_in_bps: into * (0.9 + Math.random() * 0.2),
  flows_out: Math.ceil(out / 700_000),
  flows_in: Math.ceil(into / 700_000),
});

export function fleet(): Ops {
  return {
    nodes: [
      node('edge', 'seoul', 12, [link('jeju-edge', 8.3, 2_400_000, 380_000), link('gangneung-edge', 3.1, 1_700_000, 120_000)]),
      node('edge', 'jeju', 7, [link('seoul-edge', 8.4, 380_000, 2_400_000, 0.024), link('gangneung-edge', 12.9, 0, 0)]),
      node('edge', 'gangneung', 3, [link('seoul-edge', 3.1, 120_000, 1_700_000), link('jeju-edge', 12.9, 0, 0)]),
      node('cdn', 'seoul'),
      node('cdn', 'jeju'),
      node('cdn', 'gangneung'),
      node('origin', 'seoul'),
      node('control-plane', 'seoul'),
    ],
    rooms: [
      { name: 'pole-flower', sid: 'RM_aa', created_at_ms: now - 1_400_000, metadata: '', recording: true },
      { name: 'flowers', sid: 'RM_bb', created_at_ms: now - 500_000, metadata: '', recording: false },
    ],
    presence: [
      {
        room: 'pole-flower',
        room_sid: 'RM_aa',
        node: 'seoul-edge',
        participants: 9,
        identities: ['한가람', '미나', '준호', '서연', '도윤', '하은', '지우', '유진', '민재'],
      },
      {
        room: 'pole-flower',
        room_sid: 'RM_aa',
        node: 'jeju-edge',
        participants: 7,
        identities: ['해녀 순이', '바람', '감귤', '돌담', '오름', '파도', '노을'],
      },
      { room: 'pole-flower', room_sid: 'RM_aa', node: 'gangneung-edge', participants: 3, identities: ['파랑', '솔', '커피'] },
      { room: 'flowers', room_sid: 'RM_bb', node: 'seoul-edge', participants: 3, identities: ['정원', '들국', '나리'] },
    ],
    recordings: [
      {
        room: 'pole-flower',
        room_sid: 'RM_aa',
        state: 'live',
        manifest: '/pole-flower/RM_aa/manifest.json',
        started_at_ms: now - 1_400_000,
        duration_ms: 1_396_000,
      },
      {
        room: 'calligraphy-1',
        room_sid: 'RM_mock',
        state: 'partial',
        manifest: '/calligraphy-1/RM_mock/manifest.json',
        started_at_ms: now - 86_400_000,
        duration_ms: 62_000,
      },
    ],
    topologies: [],
    drains: [],
    stale_since_ms: null,
  };
}
