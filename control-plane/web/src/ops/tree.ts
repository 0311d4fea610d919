import type { Presence, Topology } from '../api/contract';

/** One link of a room, from the edge a class comes from to the one that gets it. */
export interface Branch {
  from: string;
  to: string;
  /** Taken only when the other is lost. */
  spare: boolean;
}

/** The links of a room: its tree with second ways, or every edge with every other. */
export function branchesOf(topology: Topology | undefined, places: readonly Presence[]): Branch[] {
  if (topology) {
    return Object.entries(topology.places).flatMap(([to, { first, second }]) => [
      ...(first === null ? [] : [{ from: first, to, spare: false }]),
      ...(second === null ? [] : [{ from: second, to, spare: true }]),
    ]);
  }
  const edges = places.map((place) => place.node);
  return edges.flatMap((from, at) => edges.slice(at + 1).map((to) => ({ from, to, spare: false })));
}

/** An edge of a tree with how far it is from the root. */
export interface Row {
  node: string;
  depth: number;
  second: string | null;
}

/** A tree line by line, parents before children. Edges that lead nowhere (a plan just being replaced) come last. */
export function rowsOf({ root, places }: Topology): Row[] {
  const rows: Row[] = [];
  const seen = new Set<string>();
  const visit = (node: string, depth: number) => {
    if (seen.has(node)) return;
    seen.add(node);
    rows.push({ node, depth, second: places[node]?.second ?? null });
    for (const child of Object.keys(places).sort()) if (places[child]?.first === node) visit(child, depth + 1);
  };
  visit(root, 0);
  for (const node of Object.keys(places).sort()) visit(node, 1);
  return rows;
}
