import { ApiError, getClass, listCdn } from '../api/client';
import type { CdnChoice, ClassDetail, Manifest, Recording, Region, TimelineEvent } from '../api/contract';
import { readable } from './events';

const FETCH_TIMEOUT_MS = 8_000;
/** More events than anybody scrolls through; a longer timeline is cut. */
const EVENTS_MAX = 5_000;

export interface Replay {
  /** Absent when the class itself is gone from the catalogue but its recording is addressed directly. */
  entry: ClassDetail | null;
  nodes: CdnChoice[];
  /** Path of the manifest, the same on every node. */
  path: string;
}

/** A recording may be named by path (`?manifest=`), as the ops page does; it stays below the node's URL. */
export function manifestPath(asked: string | null): string | null {
  const parts = /^\/?([\w.%-]+)\/([\w.%-]+)\/manifest\.json$/.exec(asked ?? '')?.slice(1) ?? ['..'];
  return parts.some((part) => part === '.' || part === '..') ? null : asked;
}

/** While a class runs: what is being recorded. Afterwards: what the catalogue says, else the newest there is. */
function chooseRecording(entry: ClassDetail, roomSid: string | null): string | null {
  const named = entry.recordings.find((recording) => recording.room_sid === roomSid);
  if (named) return named.manifest;
  const running = (recording: Recording) => entry.state === 'live' && recording.state === 'live';
  return entry.recordings.findLast(running)?.manifest ?? entry.replay ?? entry.recordings.at(-1)?.manifest ?? null;
}

/** `asked` is a manifest's path, `roomSid` one of a class's recordings; without either the newest. */
export async function findReplay(
  id: string,
  region: Region | null,
  asked: string | null,
  roomSid: string | null,
): Promise<Replay> {
  const direct = manifestPath(asked);
  const entry = await getClass(id).catch((error: unknown) => {
    if (direct) return null;
    throw error;
  });
  const path = direct ?? (entry && chooseRecording(entry, roomSid));
  if (!path) throw new ApiError('no_replay', 'no replay');
  const nodes = await listCdn({ region: region?.id, location: region?.location });
  if (nodes.length === 0) throw new ApiError('cdn_none', 'no cdn node');
  return { entry, nodes, path };
}

export function manifestUrl(node: CdnChoice, path: string): string {
  return `${node.url.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
}

export async function fetchManifest(url: string): Promise<Manifest> {
  const manifest = (await fetchJson(url)) as Manifest;
  if (!Array.isArray(manifest.presentations)) throw new ApiError('bad_answer', `${url} is not a manifest`);
  return { ...manifest, presentations: manifest.presentations.map((entry) => ({ ...entry, gaps: entry.gaps ?? [] })) };
}

/** The first node that has the manifest, from `first` on around. */
export async function firstManifest(replay: Replay, first: number): Promise<{ manifest: Manifest; node: number }> {
  let failure: unknown = new ApiError('cdn_failed', 'no node answers');
  for (let tried = 0; tried < replay.nodes.length; tried++) {
    const place = (first + tried) % replay.nodes.length;
    const node = replay.nodes[place];
    if (!node) continue;
    try {
      return { manifest: await fetchManifest(manifestUrl(node, replay.path)), node: place };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Events by class time. They are an extra: a missing or odd timeline is an empty one. */
export async function fetchTimeline(manifest: Manifest, url: string): Promise<TimelineEvent[]> {
  if (!manifest.timeline) return [];
  const found = await fetchJson(new URL(manifest.timeline, url).href).catch(() => []);
  if (!Array.isArray(found)) return [];
  const events = (found as TimelineEvent[]).filter((event) => typeof event?.at_ms === 'number' && typeof event.kind === 'string');
  return readable(events.sort((a, b) => a.at_ms - b.at_ms)).slice(0, EVENTS_MAX);
}

async function fetchJson(url: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), credentials: 'omit' });
  } catch (cause) {
    throw new ApiError('cdn_failed', String(cause));
  }
  if (response.status === 404) throw new ApiError('no_replay', `${url}: 404`, 404);
  if (!response.ok) throw new ApiError('cdn_failed', `${url}: ${response.status}`, response.status);
  return response.json();
}
