// A PostgreSQL of a test's own: made empty, gone with the test, however it goes. The crate `postgres-server` does the same.

import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { chown, mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { until } from './house.mjs';

const run = promisify(execFile);
const PROGRAMS = ['initdb', 'postgres', 'psql'];
// Runs the server until its own input ends, which is when whoever holds the other end is gone.
const KEEPER = `
"$1/postgres" -D "$2/data" -h 127.0.0.1 -p "$3" -k "$2" -c fsync=off >"$2/log" 2>&1 </dev/null &
server=$!
read -r _
kill -INT "$server"
wait "$server"
rm -rf "$2"
`;

/** Where the server's programs are; absent: this machine has none. */
function programs() {
  const below = (family) => (existsSync(family) ? readdirSync(family).map((version) => join(family, version, 'bin')) : []);
  const places = [...(process.env.PATH ?? '').split(':'), ...below('/usr/lib/postgresql'), ...below('/usr/pgsql')];
  return places
    .filter((place) => existsSync(join(place, 'initdb')))
    .map((place) => dirname(realpathSync(join(place, 'initdb'))))
    .find((place) => PROGRAMS.every((name) => existsSync(join(place, name))));
}

/** Whom root becomes: PostgreSQL will not be root. */
async function unprivileged() {
  if (process.getuid() !== 0) return {};
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts an empty server and answers the URL of a database in it; `null`: it is not installed here. */
export async function openPostgres() {
  const bin = programs();
  if (!bin) return null;
  const owner = await unprivileged();
  const directory = await mkdtemp(join(tmpdir(), 'seodang-pg-'));
  if (owner.uid !== undefined) await chown(directory, owner.uid, owner.gid);
  const options = { ...owner, cwd: directory, env: { ...process.env, HOME: '/' } };
  const made = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions'];
  await run(join(bin, 'initdb'), [...made, '--pgdata', join(directory, 'data')], options);
  const port = await freePort();
  const keeper = spawn('sh', ['-c', KEEPER, 'keeper', bin, directory, String(port)], {
    ...options,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = new Promise((resolve) => keeper.once('exit', resolve));
  const psql = (command) =>
    run(join(bin, 'psql'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-d', 'postgres', '-q', '-c', command], options);
  await until(async () => (await psql('SELECT 1'), true), 'PostgreSQL to take connections', 30_000);
  await psql('CREATE DATABASE school');
  return {
    url: `postgres://postgres@127.0.0.1:${port}/school`,
    async close() {
      keeper.stdin.end();
      await ended;
    },
  };
}
