// The whole product on this machine: `seodang dev` in a directory of its own, and browsers that look at it.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const BINARY = process.env.SEODANG_BIN ?? 'seodang';
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Starts the house and waits until every node answers. */
export async function openHouse(portBase, extra = []) {
  const directory = await mkdtemp(join(tmpdir(), 'seodang-'));
  const ready = join(directory, 'ready.json');
  const child = spawn(
    BINARY,
    ['dev', '--data-dir', join(directory, 'data'), '--port-base', String(portBase), '--ready-file', ready, ...extra],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, RUST_LOG: process.env.RUST_LOG ?? 'info' } },
  );
  let log = '';
  const keep = (chunk) => { log = (log + chunk).slice(-200_000); };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (let waited = 0; !existsSync(ready); waited += 100) {
    if (child.exitCode !== null || waited > 30_000) throw new Error(`the house did not come up:\n${log}`);
    await sleep(100);
  }
  const urls = JSON.parse(await readFile(ready, 'utf8'));
  return {
    ...urls,
    child,
    log: () => log,
    async close() {
      child.kill('SIGINT');
      await Promise.race([ended, sleep(5_000).then(() => child.kill('SIGKILL'))]);
      await ended;
      if (!process.env.SEODANG_KEEP) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A browser with a camera and a microphone that need no person. `video` is a file the camera shows in a loop. */
export async function openBrowser({ video } = {}) {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-quic', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required', '--auto-select-desktop-capture-source=Entire screen',
      ...(video ? [`--use-file-for-fake-video-capture=${video}`] : []),
    ],
  });
}

/** Somebody in a browser. */
export async function person(browser, { width = 1280, height = 800, locale = 'ko-KR', permissions = ['camera', 'microphone'] } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale, permissions });
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(`page error: ${error.message}`));
  page.on('console', (message) => { if (message.type() === 'error') page.faults.push(`${message.text()} ${message.location().url}`.trim()); });
  return page;
}

/** Signs somebody in and goes through the lobby into a class. Who teaches it comes in as that; others may only watch. */
export async function enter(page, house, classId, { account, region, observes = false }) {
  await signIn(page, house, account);
  await page.goto(`${house.web}/class/${encodeURIComponent(classId)}/room`);
  if (observes) await page.getByTestId('join-role-observer').check();
  await page.getByTestId('join-region').selectOption(region);
  const submit = page.getByTestId('join-submit');
  await until(async () => submit.isEnabled(), 'the devices are ready', 10_000);
  const clicked = Date.now();
  await submit.click();
  await page.waitForFunction(() => window.__seodang?.room?.state === 'connected', null, { timeout: 15_000 });
  return Date.now() - clicked;
}

/** Says something in the chat of a class, as one types it. */
export async function say(page, text) {
  await openPanel(page, 'chat');
  await page.getByTestId('chat-input').fill(text);
  await page.getByTestId('chat-send').click();
}

/** What stands in the chat of a page, oldest first. */
export async function chatOf(page) {
  await openPanel(page, 'chat');
  return page.getByTestId('chat-text').allTextContents();
}

/** Opens the side of a class: `chat`, `people` or `activity`. */
export async function openPanel(page, name) {
  const panel = page.getByTestId(`panel-${name}`);
  if (!(await panel.isVisible())) await page.getByTestId(`toggle-${name}`).click();
  await panel.waitFor();
}

/** What a server with the API key shows the control plane. */
export function bearer(house) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: house.api_key, exp, video: { roomAdmin: true, roomCreate: true } })}`;
  return `Bearer ${signed}.${createHmac('sha256', house.api_secret).update(signed).digest('base64url')}`;
}

/** Makes an account as a person does, with the code of the mail; answers it with its cookie and its csrf word. */
export async function makeAccount(house, { name, role = 'student', locale = 'ko' }) {
  const email = `${Math.random().toString(36).slice(2)}@example.org`;
  const password = 'a password for tests';
  const post = async (path, body) => {
    const response = await fetch(`${house.web}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const { ticket } = await (await post('/v1/accounts', { email, password, name, role, locale })).json();
  const code = await until(async () => {
    const mails = await (await fetch(`${house.web}/v1/dev/mail?to=${encodeURIComponent(email)}`)).json();
    return /\b\d{6}\b/.exec(mails.items[0]?.text)?.[0];
  }, 'the mail with the code');
  const confirmed = await post('/v1/accounts/confirm', { email, ticket, code });
  const cookie = /seodang_session=([^;]+)/.exec(confirmed.headers.get('set-cookie'))[1];
  const me = await (await fetch(`${house.web}/v1/me`, { headers: { cookie: `seodang_session=${cookie}` } })).json();
  return { ...me.account, email, password, cookie, csrf: me.csrf };
}

/** Signs a page's browser in as an account. */
export async function signIn(page, house, account) {
  await page.context().addCookies([{ name: 'seodang_session', value: account.cookie, url: house.web, httpOnly: true, sameSite: 'Lax' }]);
}

/** Makes a class through the API: `teacher` is the account that teaches it, without one it has the name of `instructor`. */
export async function makeClass(house, { title, recorded = false, teacher, instructor = '김선생', ...rest }) {
  const response = await fetch(`${house.web}/v1/classes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: bearer(house), ...(teacher && { 'x-on-behalf-of': teacher.id }) },
    body: JSON.stringify({ description: '', title, recorded, ...(teacher ? {} : { instructor }), ...rest }),
  });
  if (!response.ok) throw new Error(`no class: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Waits until `check` answers something true, and answers that. */
export async function until(check, what, timeoutMs = 10_000, pauseMs = 100) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what} (last: ${last?.message ?? JSON.stringify(last)})`);
    await sleep(pauseMs);
  }
}

/** Metrics of a node as {name: value}, labels as written. */
export async function metrics(adminUrl) {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const values = {};
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || !line.trim()) continue;
    const cut = line.lastIndexOf(' ');
    values[line.slice(0, cut)] = Number(line.slice(cut + 1));
  }
  return values;
}

/** Incoming media of a page by kind, from the stats of its peer connection. */
export async function received(page) {
  return page.evaluate(async () => {
    const { tracks } = await window.__seodang.stats();
    return tracks;
  });
}
