import type { CdnChoice, Class, ClassDetail, Config, JoinRequest, JoinResponse, Location, NewClass, Ops } from './contract';

/** A call that takes longer is given up: the page then says what to do instead of waiting silently. */
const REQUEST_TIMEOUT_MS = 10_000;

/** An answer that is not the one asked for. `code` is the control plane's word, or one of ours: `unreachable`, `bad_answer`. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 0,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  } catch (cause) {
    throw new ApiError('unreachable', String(cause));
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError('bad_answer', `${path}: ${response.status}`, response.status);
  }
  if (!response.ok) {
    const error = body as { code?: string; message?: string };
    throw new ApiError(error.code ?? 'bad_answer', error.message ?? `${path}: ${response.status}`, response.status);
  }
  return body as T;
}

function post<T>(path: string, body: unknown): Promise<T> {
  return request<T>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

let config: Promise<Config> | undefined;

/** The deployment's settings; asked once per page load, again after a failure. */
export function getConfig(): Promise<Config> {
  config ??= request<Config>('/v1/config').catch((error: unknown) => {
    config = undefined;
    throw error;
  });
  return config;
}

export async function listClasses(): Promise<Class[]> {
  return (await request<{ classes: Class[] }>('/v1/classes')).classes;
}

export async function getClass(id: string): Promise<ClassDetail> {
  const detail = await request<ClassDetail>(`/v1/classes/${encodeURIComponent(id)}`);
  return { ...detail, recordings: detail.recordings ?? [] };
}

export const createClass = (spec: NewClass): Promise<Class> => post('/v1/classes', spec);
export const join = (spec: JoinRequest): Promise<JoinResponse> => post('/v1/join', spec);
export const getOps = (): Promise<Ops> => request('/v1/ops');

/** Cdn nodes, nearest first; the origin last. */
export async function listCdn(at: { region?: string; location?: Location | null }): Promise<CdnChoice[]> {
  const query = new URLSearchParams();
  if (at.location) {
    query.set('latitude', String(at.location.latitude));
    query.set('longitude', String(at.location.longitude));
  } else if (at.region) {
    query.set('region', at.region);
  }
  const text = query.toString();
  return (await request<{ nodes: CdnChoice[] }>(`/v1/cdn${text && `?${text}`}`)).nodes;
}
