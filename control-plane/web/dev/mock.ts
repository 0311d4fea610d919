import { createReadStream, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, normalize } from 'node:path';
import type { Plugin } from 'vite';
import type { Manifest } from '../src/api/contract';
import { fleet } from './fixtures';
import { answerOps } from './mock-ops';
import { answerSchool } from './school-mock';

const MEDIA = new URL('media', import.meta.url).pathname;
const TYPES: Record<string, string> = {
  json: 'application/json',
  m3u8: 'application/vnd.apple.mpegurl',
  mp4: 'video/mp4',
  m4s: 'video/iso.segment',
  webm: 'video/webm',
};

/** The control plane's API and a cdn node, from fixtures. `?mock=empty` on the page's address empties every list,
 * `?mock=broken` breaks every call; the cookie `mock_as` names who is signed in (`school-fixtures.ts`). */
export function mockApi(): Plugin {
  return {
    name: 'mock-api',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? '/', 'http://localhost');
        if (url.pathname.startsWith('/mock-cdn/growing/'))
          serveGrowing(request, response, url.pathname.slice('/mock-cdn/growing'.length));
        else if (url.pathname.startsWith('/mock-cdn/')) serveMedia(request, response, url.pathname.slice('/mock-cdn'.length));
        else if (url.pathname.startsWith('/v1/')) void answer(request, response, url);
        else next();
      });
    },
  };
}

/** The live page on a session without a server. */
export function mockSession(): Plugin {
  return {
    name: 'mock-session',
    enforce: 'pre',
    resolveId(source, importer) {
      return source === '../live/session' && importer?.endsWith('/lobby/page.tsx')
        ? new URL('fake-session.ts', import.meta.url).pathname
        : null;
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const json = (value: unknown, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  const empty = request.headers.referer?.includes('mock=empty') ?? false;
  const broken = request.headers.referer?.includes('mock=broken') ?? false;
  const { pathname } = url;
  if (broken) return json({ code: 'store_unavailable', message: 'The store is away.' }, 503);
  if (pathname === '/v1/config')
    return json({
      dev: true,
      regions: fleet()
        .nodes.filter((node) => node.role === 'edge')
        .map((node) => ({ id: node.region, location: node.location })),
    });
  const school = answerSchool(request, url, request.method === 'GET' ? '' : await read(request), empty);
  if (school) {
    response.writeHead(school.status, {
      'content-type': 'application/json',
      ...(school.cookie ? { 'set-cookie': school.cookie } : {}),
    });
    response.end(school.body === undefined ? '' : JSON.stringify(school.body));
    return undefined;
  }
  if (pathname === '/v1/cdn') {
    const base = `http://${request.headers.host}/mock-cdn`;
    return json({
      nodes: [
        { id: 'jeju-cdn', region: 'jeju', url: base, distance_km: 3 },
        { id: 'seoul-cdn', region: 'seoul', url: base, distance_km: 450 },
      ],
    });
  }
  if (pathname.startsWith('/v1/ops')) return answerOps(request, response, pathname, empty);
  return json({ code: 'not_found', message: 'no such path' }, 404);
}

function read(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => resolve(text));
  });
}

/** The same recording as if it had begun when it was first asked for, 20 s in; after a minute it is whole. */
let grownSince = 0;
const GROWN_AGAIN_MS = 90_000;
function serveGrowing(request: IncomingMessage, response: ServerResponse, path: string): void {
  const file = join(MEDIA, 'calligraphy-1', normalize(path));
  if (!/\.(json|m3u8)$/.test(file)) return serveMedia(request, response, `/calligraphy-1${path}`);
  if (Date.now() - grownSince > GROWN_AGAIN_MS) grownSince = Date.now();
  const nowMs = 20_000 + Date.now() - grownSince;
  let text = readFileSync(file, 'utf8');
  if (file.endsWith('manifest.json')) {
    const manifest = JSON.parse(text) as Manifest;
    const live = nowMs < manifest.duration_ms;
    const end = Math.min(manifest.duration_ms, Math.floor(nowMs / 2000) * 2000);
    const presentations = manifest.presentations
      .filter((entry) => entry.container === 'cmaf' && entry.start_ms < end)
      .map((entry) => ({ ...entry, end_ms: Math.min(entry.end_ms, end) }));
    text = JSON.stringify({ ...manifest, state: live ? 'live' : 'complete', duration_ms: end, presentations });
  } else if (/[va]0\.m3u8$/.test(file)) {
    const start = { camera: 2_000, screen: 10_000, voice: 15_000 }[file.split('/').at(-2) ?? ''] ?? 0;
    const segments = Math.floor((nowMs - start) / 2000);
    const [head = '', ...rest] = text.replace('#EXT-X-ENDLIST\n', '').split('#EXTINF');
    text =
      [head.replace('VOD', 'EVENT'), ...rest.slice(0, segments)].join('#EXTINF') +
      (segments >= rest.length ? '#EXT-X-ENDLIST\n' : '');
  }
  response.writeHead(200, {
    'content-type': TYPES[file.split('.').at(-1) ?? ''] ?? '',
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
  });
  response.end(text);
}

function serveMedia(request: IncomingMessage, response: ServerResponse, path: string): void {
  const file = join(MEDIA, normalize(path));
  let size: number;
  try {
    size = statSync(file).size;
  } catch {
    response.writeHead(404, { 'access-control-allow-origin': '*' }).end();
    return;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
  response.writeHead(range ? 206 : 200, {
    'content-type': TYPES[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    'access-control-allow-origin': '*',
    ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
  });
  createReadStream(file, { start, end }).pipe(response);
}
