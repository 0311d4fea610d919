import { expect, test } from 'vitest';
import { branchesOf, rowsOf } from './tree';

const place = (node: string) => ({ room: 'ink', room_sid: 'RM_1', node, participants: 1, identities: [] });
const tree = {
  room: 'ink',
  room_sid: 'RM_1',
  root: 'b',
  heir: 'c',
  places: {
    a: { first: 'c', second: 'b' },
    b: { first: null, second: null },
    c: { first: 'b', second: 'd' },
    d: { first: 'b', second: 'c' },
  },
};

test('a room without a plan has a link between any two of its edges', () => {
  expect(branchesOf(undefined, ['a', 'b', 'c'].map(place))).toEqual([
    { from: 'a', to: 'b', spare: false },
    { from: 'a', to: 'c', spare: false },
    { from: 'b', to: 'c', spare: false },
  ]);
});

test('a tree has first ways and spare ones, and is read from its root', () => {
  expect(branchesOf(tree, []).filter((branch) => !branch.spare)).toHaveLength(3);
  expect(branchesOf(tree, []).filter((branch) => branch.spare)).toHaveLength(3);
  expect(rowsOf(tree).map((row) => [row.node, row.depth])).toEqual([
    ['b', 0],
    ['c', 1],
    ['a', 2],
    ['d', 1],
  ]);
});

test('a plan that goes in circles is shown all the same, each edge once', () => {
  const circle = { ...tree, root: 'x', places: { a: { first: 'c', second: null }, c: { first: 'a', second: null } } };
  expect(rowsOf(circle).map((row) => row.node)).toEqual(['x', 'a', 'c']);
});
