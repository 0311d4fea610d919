// A fleet of processes of its own on this machine, so that one of them can be killed: a control plane, an origin if wanted,
// and an edge in each region.

import { spawn, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from './house.mjs';

const BINARY = process.env.SEODANG_BIN ?? 'seodang';
const PLACES = {
  seoul: { latitude: 37.5665, longitude: 126.978 },
  gangneung: { latitude: 37.7519, longitude: 128.8761 },
  jeju: { latitude: 33.4996, longitude: 126.5312 },
  // Near Seoul, for those who lose it.
  suwon: { latitude: 37.2636, longitude: 127.0286 },
  incheon: { latitude: 37.4563, longitude: 126.7052 },
};
const KEY = { key: 'fleet', secret: 'a-secret-of-the-browser-tests-0123456789' };

/** `edges`: names of regions, one edge each, called `{region}-edge`. `school`: further lines of the control plane's settings. */
export async function openFleet(portBase, { edges = ['seoul', 'gangneung', 'jeju'], origin = false, school = '' } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'seodang-fleet-'));
  const certificates = join(directory, 'certificates');
  await mkdir(certificates);
  const issue = (...words) => execFileSync(BINARY, ['certificates', '--directory', certificates, ...words], { stdio: 'ignore' });
  issue('--control-plane', 'control-plane-0');
  issue(...edges.map((region) => `${region}-edge`), 'origin');
  const running = new Map();
  const port = (offset) => `127.0.0.1:${portBase + offset}`;
  const fleet = (id, planes) => `
[fleet]
ca = "${certificates}/ca.pem"
certificate = "${certificates}/${id}.pem"
key = "${certificates}/${id}.key"
control_planes = ${JSON.stringify(planes)}
[telemetry]
filter = "info"
`;

  async function start(role, id, text, admin) {
    const file = join(directory, `${id}.toml`);
    await writeFile(file, text);
    const child = spawn(BINARY, [role, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    const node = { id, child, admin: `http://${admin}`, log: '' };
    const keep = (chunk) => { node.log = (node.log + chunk).slice(-100_000); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    node.ended = new Promise((resolve) => child.once('exit', (code) => { node.code = code; resolve(code); }));
    running.set(id, node);
    const ready = async () => {
      if (child.exitCode !== null) throw new Error(`${id} has ended:\n${node.log}`);
      return (await fetch(`http://${admin}/readyz`)).ok;
    };
    await until(ready, `${id} is ready`, 20_000);
    return node;
  }

  const place = (region) => `location = { latitude = ${PLACES[region].latitude}, longitude = ${PLACES[region].longitude} }`;
  await start('control-plane', 'control-plane-0', `
[control_plane]
id = "control-plane-0"
region = "seoul"
listen = "${port(0)}"
admin = "${port(1)}"
nodes = "${port(2)}"
data_dir = "${directory}/control-plane"
dev = true
api_keys = [{ key = "${KEY.key}", secret = "${KEY.secret}" }]
${school}
${fleet('control-plane-0', [])}`, port(1));
  if (origin) {
    await start('origin', 'origin', `
[origin]
id = "origin"
region = "seoul"
listen = "${port(3)}"
ingest = "${port(4)}"
admin = "${port(5)}"
data_dir = "${directory}/origin"
${fleet('origin', [port(2)])}`, port(5));
  }
  const startEdge = (region) => {
    const first = 10 + edges.indexOf(region) * 10;
    return start('edge', `${region}-edge`, `
[edge]
id = "${region}-edge"
region = "${region}"
${place(region)}
listen = "${port(first)}"
media = "0.0.0.0:${portBase + first + 1}"
link = "${port(first + 2)}"
admin = "${port(first + 3)}"
data_dir = "${directory}/${region}-edge"
keys = [{ key = "${KEY.key}", secret = "${KEY.secret}" }]
${fleet(`${region}-edge`, [port(2)])}`, port(first + 3));
  };
  for (const region of edges) await startEdge(region);
  const web = `http://${port(0)}`;
  const known = async () => (await (await fetch(`${web}/v1/edges`)).json()).edges.map((edge) => edge.id);
  await until(async () => (await known()).length === edges.length, 'all edges are known');
  return {
    web,
    api_key: KEY.key,
    api_secret: KEY.secret,
    directory,
    node: (id) => running.get(id),
    startEdge,
    known,
    log: () => [...running.values()].map(({ id, log }) => `== ${id}\n${log}`).join('\n'),
    /** Runs `seodang drain …` to its end; what it printed. */
    drain: (...words) => new Promise((resolve, reject) => {
      const child = spawn(BINARY, ['drain', ...words, '--control-plane', web, '--key', KEY.key, '--secret', KEY.secret]);
      let said = '';
      child.stdout.on('data', (chunk) => { said += chunk; });
      child.stderr.on('data', (chunk) => { said += chunk; });
      child.once('exit', (code) => (code === 0 ? resolve(said) : reject(new Error(`drain ended with ${code}:\n${said}`))));
    }),
    async close() {
      for (const { child } of running.values()) if (child.exitCode === null) child.kill('SIGKILL');
      await Promise.all([...running.values()].map(({ ended }) => ended));
      if (process.env.SEODANG_KEEP) await writeFile(join(directory, 'log'), this.log());
      else await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The median and so on of some numbers, by nearest rank. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN);
  return { n: sorted.length, p50: at(0.5), p95: at(0.95), max: Math.round(sorted.at(-1) ?? NaN) };
}
