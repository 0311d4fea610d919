import { expect, test } from 'vitest';
import type { Link, Node } from '../api/contract';
import { linksOf, regionsOf, roomsOf } from './fleet';
import { frameFor, KOREA, projection } from './geography';

const node = (id: string, region: string, change: Partial<Node> = {}): Node => ({
  id,
  role: 'edge',
  region,
  location: { latitude: 37.5, longitude: 127 },
  url: '',
  quic: null,
  admin: '',
  epoch: 0,
  draining: false,
  load: { participants: 2, capacity: 0, rooms: 1, cpu: 0, bitrate_in_bps: 0, bitrate_out_bps: 0 },
  links: [],
  ...change,
});
const link = (peer: string, change: Partial<Link> = {}): Link => ({
  peer,
  rtt_ms: 4,
  loss: 0,
  bitrate_in_bps: 0,
  bitrate_out_bps: 0,
  flows_in: 0,
  flows_out: 0,
  ...change,
});

test('a link reported by both ends stands once, each direction once', () => {
  const nodes = [
    node('seoul', 'seoul', {
      links: [link('jeju', { bitrate_out_bps: 900, bitrate_in_bps: 50, flows_out: 3, flows_in: 1, rtt_ms: 6 })],
    }),
    node('jeju', 'jeju', {
      links: [link('seoul', { bitrate_out_bps: 60, bitrate_in_bps: 880, flows_out: 1, flows_in: 3, loss: 0.02 }), link('gone')],
    }),
  ];
  const links = linksOf(nodes);
  expect(links).toHaveLength(1);
  expect(links[0]).toMatchObject({
    id: 'jeju~seoul',
    forwardBps: 60,
    backwardBps: 900,
    flowsForward: 1,
    flowsBackward: 3,
    rttMs: 4,
    loss: 0.02,
  });
});

test('a region drains when all of its edges do', () => {
  const regions = regionsOf([
    node('a1', 'a', { draining: true }),
    node('a2', 'a', { draining: true }),
    node('a3', 'a', { role: 'cdn' }),
    node('b1', 'b', { draining: true }),
    node('b2', 'b'),
    node('c1', 'c', { role: 'cdn' }),
  ]);
  expect(regions.map((region) => [region.id, region.draining, region.participants])).toEqual([
    ['a', true, 4],
    ['b', false, 4],
    ['c', false, 0],
  ]);
});

test('presence of an earlier life of a room is not counted', () => {
  const room = { name: 'ink', sid: 'RM_2', created_at_ms: 1, metadata: '', recording: false };
  const place = (node: string, sid: string) => ({ room: 'ink', room_sid: sid, node, participants: 2, identities: [] });
  const [view] = roomsOf({ rooms: [room], presence: [place('b', 'RM_2'), place('a', 'RM_2'), place('a', 'RM_1')] });
  expect(view?.participants).toBe(4);
  expect(view?.places.map((entry) => entry.node)).toEqual(['a', 'b']);
});

test('the map is Korea, and more when a node stands elsewhere; north is up, east is right', () => {
  const seoul = { latitude: 37.57, longitude: 126.98 };
  const jeju = { latitude: 33.5, longitude: 126.53 };
  expect(frameFor([seoul, jeju])).toEqual(KOREA);
  const frame = frameFor([seoul, { latitude: 35.68, longitude: 139.69 }]);
  expect(frame.east).toBeGreaterThan(139.69);
  const map = projection(KOREA);
  expect(map.project(seoul).y).toBeLessThan(map.project(jeju).y);
  expect(map.project(seoul).x).toBeGreaterThan(map.project(jeju).x);
});
