import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Ops } from '../src/api/contract';
import { fleet } from './fixtures';
import { manyRegions } from './fixtures-many';

const NOTHING: Ops = { nodes: [], rooms: [], presence: [], recordings: [], topologies: [], drains: [], stale_since_ms: null };
/** What is asked to drain, as `node/…` and `region/…`. */
const drained = new Set<string>();

/** `/v1/ops` and what lies below. `?mock=many`: twelve towns and a tree. */
export function answerOps(request: IncomingMessage, response: ServerResponse, pathname: string, empty: boolean): void {
  const many = request.headers.referer?.includes('mock=many') ?? false;
  const picture = () => JSON.stringify(empty ? NOTHING : many ? manyRegions(Date.now(), drained) : fleet());
  const drain = /^\/v1\/ops\/drains\/(node|region)\/([^/]+)$/.exec(pathname);
  if (drain) {
    const target = `${drain[1]}/${decodeURIComponent(drain[2] ?? '')}`;
    const asked = request.method === 'POST';
    if (asked) drained.add(target);
    else drained.delete(target);
    response.writeHead(asked ? 200 : 204, { 'content-type': 'application/json' });
    response.end(asked ? '{}' : '');
    return;
  }
  if (pathname === '/v1/ops') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(picture());
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const send = () => response.write(`event: ops\ndata: ${picture()}\n\n`);
  send();
  const timer = setInterval(send, 1000);
  request.on('close', () => clearInterval(timer));
}
