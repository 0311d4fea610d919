import { expect, test } from 'vitest';
import type { EdgeChoice } from '../api/contract';
import { demote, isGivenUp, orderEdges, rankEdges, signalUrl } from './edges';

const edge = (id: string): EdgeChoice => ({ id, region: id, url: `http://${id}.example`, distance_km: null, reason: 'nearest' });
const edges = ['a', 'b', 'c', 'd'].map(edge);
const ids = (list: EdgeChoice[]) => list.map(({ id }) => id).join('');

test('a clearly faster edge goes first, noise does not change the order', () => {
  expect(ids(orderEdges(edges, [40, 12, 35, undefined]))).toBe('bacd');
  expect(ids(orderEdges(edges, [14, 12, 5, undefined]))).toBe('abcd');
});

test('silent edges come last, after those nobody asked', () => {
  expect(ids(orderEdges(edges, [null, 80, 200, undefined]))).toBe('bcda');
  expect(ids(orderEdges(edges, [null, null, null, undefined]))).toBe('dabc');
});

test('three edges are measured; a declared place is not overruled by round trips', async () => {
  const rtts: Record<string, number> = { a: 90, b: 60, c: 2, d: 1 };
  const asked: string[] = [];
  const probe = async (url: string) => {
    const id = new URL(url).hostname.slice(0, 1);
    asked.push(id);
    return rtts[id] ?? null;
  };
  expect(ids(await rankEdges(edges, false, probe))).toBe('cbad');
  expect(asked.sort().join('')).toBe('abc');
  expect(ids(await rankEdges(edges, true, probe))).toBe('abcd');
});

test('the edge that failed is tried last', () => {
  expect(ids(demote(edges, 'a'))).toBe('bcda');
  expect(ids(demote(edges, null))).toBe('abcd');
});

test('signalling is the same host and port', () => {
  expect(signalUrl('http://127.0.0.1:7880/')).toBe('ws://127.0.0.1:7880');
  expect(signalUrl('https://jeju.example')).toBe('wss://jeju.example');
});

test('an edge is given up when it is silent and another one answers, not when nothing does', async () => {
  const [own, ...others] = edges;
  if (!own) throw new Error('there are edges');
  const alive = (answering: string) => async (url: string) => (answering.includes(new URL(url).hostname.slice(0, 1)) ? 5 : null);
  let rounds = 0;
  const patience = () => rounds++ < 3;
  expect(await isGivenUp(own, others, () => true, alive('b'))).toBe(true);
  expect(await isGivenUp(own, others, patience, alive(''))).toBe(false);
  rounds = 0;
  expect(await isGivenUp(own, others, patience, alive('ab'))).toBe(false);
});
