/** One call of the control plane: time limit, session cookie, CSRF word, errors with a code. */

/** A call that takes longer is given up: the page then says what to do instead of waiting silently. */
const REQUEST_TIMEOUT_MS = 10_000;

/** An answer that is not the one asked for. `code` is the control plane's word, or one of ours: `unreachable`, `bad_answer`. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 0,
    /** How long the server asks to be left alone; 0: it does not say. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

let csrf = '';
/** Asks `GET /v1/me` again for the word; set by the client, which knows that call. */
let renewCsrf: (() => Promise<unknown>) | null = null;

export function setCsrf(word: string): void {
  csrf = word;
}

export const csrfWord = (): string => csrf;

export function onCsrfRefused(renew: () => Promise<unknown>): void {
  renewCsrf = renew;
}

const SAFE = new Set(['GET', 'HEAD']);

export interface Call {
  method?: string;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: BodyInit;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Lets a call outlive the page it was made on. */
  keepalive?: boolean;
}

/** The answer's JSON; `undefined` where there is none (204). */
export async function request<T>(path: string, call: Call = {}): Promise<T> {
  try {
    return await once<T>(path, call);
  } catch (error) {
    // The word goes with the session: signing in or out in another tab makes this tab's stale.
    if (!(error instanceof ApiError) || error.code !== 'csrf' || !renewCsrf) throw error;
    await renewCsrf();
    return once<T>(path, call);
  }
}

async function once<T>(path: string, call: Call): Promise<T> {
  const method = call.method ?? 'GET';
  const headers: Record<string, string> = {};
  if (call.json !== undefined) headers['content-type'] = 'application/json';
  if (!SAFE.has(method) && csrf) headers['x-csrf-token'] = csrf;
  const limit = AbortSignal.timeout(call.timeoutMs ?? REQUEST_TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      signal: call.signal ? AbortSignal.any([call.signal, limit]) : limit,
      ...(call.json === undefined ? { body: call.body ?? null } : { body: JSON.stringify(call.json) }),
      ...(call.keepalive ? { keepalive: true } : {}),
    });
    text = await response.text();
  } catch (cause) {
    if (call.signal?.aborted) throw new ApiError('aborted', String(cause));
    throw new ApiError('unreachable', String(cause));
  }
  return read<T>(path, response, text);
}

function read<T>(path: string, response: Response, text: string): T {
  let body: unknown;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new ApiError('bad_answer', `${path}: ${response.status}`, response.status);
  }
  if (!response.ok) {
    const error = (body ?? {}) as { code?: unknown; message?: unknown };
    const wait = Number(response.headers.get('retry-after'));
    throw new ApiError(
      // JSON of somebody on the way has no such code, or has a number there.
      typeof error.code === 'string' ? error.code : 'bad_answer',
      typeof error.message === 'string' ? error.message : `${path}: ${response.status}`,
      response.status,
      Number.isFinite(wait) ? wait * 1000 : 0,
    );
  }
  return body as T;
}

export const get = <T>(path: string, call?: Call): Promise<T> => request<T>(path, call);
export const post = <T>(path: string, json: unknown = {}, call?: Call): Promise<T> =>
  request<T>(path, { ...call, method: 'POST', json });
export const put = <T>(path: string, json: unknown = {}, call?: Call): Promise<T> =>
  request<T>(path, { ...call, method: 'PUT', json });
export const patch = <T>(path: string, json: unknown, call?: Call): Promise<T> =>
  request<T>(path, { ...call, method: 'PATCH', json });
export const remove = <T = undefined>(path: string, json?: unknown): Promise<T> =>
  request<T>(path, { method: 'DELETE', ...(json === undefined ? {} : { json }) });

/** `?a=1&b=2` of what is there; empty and absent values are left out. */
export function queryOf(values: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text && `?${text}`;
}

/** A part of a path. */
export const part = encodeURIComponent;
