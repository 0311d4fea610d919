// What a first visit to each page costs to fetch, compressed: the page's own files and everything they import.
// livekit-client and hls.js come after the page that needs them, so every page has the same budget. Usage: npm run budget (needs no server)
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** 150 kB at 150 kbit/s are eight seconds: no page may ask for more before it shows something. */
const BUDGET_BYTES = 150_000;

const dist = new URL('../dist', import.meta.url).pathname;
const files = Object.fromEntries(
  readdirSync(join(dist, 'assets')).map((name) => [name, readFileSync(join(dist, 'assets', name))]),
);
const size = (content) => gzipSync(content, { level: 9 }).length;

/** A file and what it imports before it runs. */
function closure(name, seen = new Set()) {
  if (seen.has(name) || !files[name]) return seen;
  seen.add(name);
  if (!name.endsWith('.js')) return seen;
  for (const [, imported] of files[name].toString().matchAll(/(?:from|import)\s*["']\.\/([\w.-]+)["']/g))
    closure(imported, seen);
  return seen;
}

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const first = new Set();
for (const [, name] of html.matchAll(/\/assets\/([\w.-]+)/g)) closure(name, first);
const entry = [...first].find((name) => name.startsWith('index-') && name.endsWith('.js'));
const script = files[entry].toString();
/** The list of files that Vite fetches together with a dynamic import. */
const preloads = [...(/=\[("assets\/[^\]]+)\]/.exec(script)?.[1] ?? '').matchAll(/"assets\/([\w.-]+)"/g)].map(
  ([, name]) => name,
);

const total = (names) => size(html) + [...names].reduce((sum, name) => sum + size(files[name]), 0);
const rows = [['home', total(first), first.size + 1]];
for (const [, name, list] of script.matchAll(/import\(`?["']?\.\/([\w.-]+)["'`]?\)(?:\.then\([^)]*\))?\s*,\s*__vite__mapDeps\(\[([\d,]*)\]\)/g)) {
  const all = new Set([...first, ...closure(name)]);
  for (const index of list.split(',').filter(Boolean)) closure(preloads[Number(index)], all);
  rows.push([name.replace(/-[\w-]{8}\.js$/, ''), total(all), all.size + 1]);
}
console.log('page                 kB, gzip   files');
let over = 0;
for (const [name, bytes, count] of rows.sort((a, b) => a[1] - b[1])) {
  const late = bytes > BUDGET_BYTES;
  if (late) over += 1;
  console.log(
    `${name.padEnd(20)} ${(bytes / 1000).toFixed(1).padStart(8)}   ${String(count).padStart(5)}${late ? '   over budget' : ''}`,
  );
}
process.exitCode = over === 0 ? 0 : 1;
