import type { Location, Node, Ops, Presence, Room } from '../api/contract';

/** The ops page's view of the fleet, worked out of the records. */

export const ROLE_ORDER = ['edge', 'cdn', 'origin', 'control-plane'] as const;

export interface RegionView {
  id: string;
  location: Location | null;
  nodes: Node[];
  participants: number;
  draining: boolean;
}

export function regionsOf(nodes: readonly Node[]): RegionView[] {
  const regions = new Map<string, RegionView>();
  for (const node of nodes) {
    const region = regions.get(node.region) ?? { id: node.region, location: null, nodes: [], participants: 0, draining: true };
    region.nodes.push(node);
    region.location ??= node.location;
    if (node.role === 'edge') region.participants += node.load.participants;
    region.draining &&= node.role !== 'edge' || node.draining;
    regions.set(node.region, region);
  }
  for (const region of regions.values()) region.draining &&= region.nodes.some((node) => node.role === 'edge');
  return [...regions.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Both ends report a link; here it stands once, seen from the end whose name comes first. */
export interface LinkView {
  id: string;
  from: Node;
  to: Node;
  rttMs: number;
  loss: number;
  /** From `from` to `to`. */
  forwardBps: number;
  backwardBps: number;
  flowsForward: number;
  flowsBackward: number;
}

export function linksOf(nodes: readonly Node[]): LinkView[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const links = new Map<string, LinkView>();
  for (const node of nodes) {
    for (const link of node.links) {
      const peer = byId.get(link.peer);
      if (!peer) continue;
      const [from, to] = node.id < peer.id ? [node, peer] : [peer, node];
      const ahead = from === node;
      const id = `${from.id}~${to.id}`;
      const known = links.get(id);
      // Figures of the two ends differ by a moment and by what is lost in between: the greater is the truer picture.
      links.set(id, {
        id,
        from,
        to,
        rttMs: known ? Math.min(known.rttMs, link.rtt_ms) : link.rtt_ms,
        loss: Math.max(known?.loss ?? 0, link.loss),
        forwardBps: Math.max(known?.forwardBps ?? 0, ahead ? link.bitrate_out_bps : link.bitrate_in_bps),
        backwardBps: Math.max(known?.backwardBps ?? 0, ahead ? link.bitrate_in_bps : link.bitrate_out_bps),
        flowsForward: Math.max(known?.flowsForward ?? 0, ahead ? link.flows_out : link.flows_in),
        flowsBackward: Math.max(known?.flowsBackward ?? 0, ahead ? link.flows_in : link.flows_out),
      });
    }
  }
  return [...links.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export interface RoomView extends Room {
  participants: number;
  places: Presence[];
}

export function roomsOf({ rooms, presence }: Pick<Ops, 'rooms' | 'presence'>): RoomView[] {
  return rooms
    .map((room) => {
      const places = presence
        .filter((place) => place.room === room.name && place.room_sid === room.sid)
        .sort((a, b) => (a.node < b.node ? -1 : 1));
      return { ...room, places, participants: places.reduce((sum, place) => sum + place.participants, 0) };
    })
    .sort((a, b) => b.created_at_ms - a.created_at_ms);
}
