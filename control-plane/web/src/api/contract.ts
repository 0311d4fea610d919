/**
 * JSON of the control plane: the fleet, joining and recordings here, field by field as in the contract crate
 * `control-plane-api`; the village school in the files below. Times are milliseconds since the epoch unless a name
 * says otherwise.
 */
import type { ClassRole } from './contract-catalogue';

export type * from './contract-people';
export type * from './contract-catalogue';
export type * from './contract-classroom';
export type * from './contract-after';

export interface Location {
  latitude: number;
  longitude: number;
}

export interface Region {
  id: string;
  location: Location | null;
}

/** `GET /v1/config`: what the page has to know before anything else. */
export interface Config {
  /** Development mode: the page asks "where am I". */
  dev: boolean;
  regions: Region[];
}

/** `POST /v1/join`. Who joins, and as what, the control plane knows from the session and the enrolment. */
export interface JoinRequest {
  class: string;
  /** A page may only ask for less than it is: `observer`. */
  role?: ClassRole;
  location?: Location;
  region?: string;
  /** Measured round trips by edge id, milliseconds. */
  rtts?: Record<string, number>;
  /** These two are heard from a bearer of an API key only. */
  identity?: string;
  name?: string;
}

export interface EdgeChoice {
  id: string;
  region: string;
  url: string;
  distance_km: number | null;
  reason: string;
}

export interface JoinResponse {
  edges: EdgeChoice[];
  token: string;
  identity: string;
  room: string;
  recorded: boolean;
}

export interface CdnChoice {
  id: string;
  region: string;
  url: string;
  distance_km: number | null;
}

export type NodeRole = 'edge' | 'cdn' | 'origin' | 'control-plane';

export interface Load {
  participants: number;
  /** 0: the node does not say. */
  capacity: number;
  rooms: number;
  /** 0 to 1. */
  cpu: number;
  bitrate_in_bps: number;
  bitrate_out_bps: number;
}

export interface Link {
  peer: string;
  rtt_ms: number;
  /** 0 to 1. */
  loss: number;
  bitrate_in_bps: number;
  bitrate_out_bps: number;
  flows_out: number;
  flows_in: number;
}

export interface Node {
  id: string;
  role: NodeRole;
  region: string;
  location: Location | null;
  url: string;
  quic: string | null;
  admin: string;
  /** Start of the process. */
  epoch: number;
  draining: boolean;
  load: Load;
  links: Link[];
}

export interface Room {
  name: string;
  sid: string;
  created_at_ms: number;
  metadata: string;
  recording: boolean;
}

export interface Presence {
  room: string;
  room_sid: string;
  node: string;
  participants: number;
  identities: string[];
}

export type RecordingState = 'live' | 'complete' | 'partial';

export interface Recording {
  room: string;
  room_sid: string;
  state: RecordingState;
  manifest: string;
  started_at_ms: number;
  duration_ms: number;
}

/** How the edges of a room on many edges are linked; a room without one has a link between any two of its edges. */
export interface Topology {
  room: string;
  room_sid: string;
  root: string;
  heir: string | null;
  /** By node id: where it gets the class from, and where it goes when that is lost. */
  places: Record<string, { first: string | null; second: string | null }>;
}

/** A wish to empty a node or a region. */
export interface Drain {
  target: { node: string } | { region: string };
  requested_at_ms: number;
  deadline_ms: number | null;
  exit: boolean;
  requested_by: string;
}

/** `GET /v1/ops`. */
export interface Ops {
  nodes: Node[];
  rooms: Room[];
  presence: Presence[];
  recordings: Recording[];
  topologies: Topology[];
  drains: Drain[];
  /** Since when the store is away and this is what was last seen; `null`: up to date. */
  stale_since_ms: number | null;
}

export type Source = 'camera' | 'screen_share' | 'microphone';
export type Container = 'cmaf' | 'webm';

export interface Gap {
  start_ms: number;
  end_ms: number;
}

/** Something to show or play between two moments of the class. Position 0 of its media is `start_ms`. */
export interface Presentation {
  id: string;
  participant_sid: string;
  identity: string;
  name: string;
  source: Source;
  start_ms: number;
  end_ms: number;
  has_video: boolean;
  has_audio: boolean;
  container: Container;
  /** Relative to the manifest. */
  path: string;
  gaps: Gap[];
}

/** `/{room}/{room_sid}/manifest.json` below a cdn node. Times are milliseconds since `started_at_ms`. */
export interface Manifest {
  version: number;
  room: string;
  room_sid: string;
  state: RecordingState;
  started_at_ms: number;
  duration_ms: number;
  presentations: Presentation[];
  /** Relative to the manifest. */
  timeline: string;
}

export interface TimelineEvent {
  at_ms: number;
  kind: string;
  data: unknown;
}
