// An edge goes silent in the middle of a class (its HTTP and WebSocket are cut off in the browser): the page must go on
// through another edge without a reload. Started like check-live.mjs.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--allow-loopback-in-peer-connection',
    '--autoplay-policy=no-user-gesture-required',
  ],
});
const lesson = await (
  await fetch(`${base}/v1/classes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'failover' }),
  })
).json();
const person = async (name, role, region) => {
  const page = await (await browser.newContext({ permissions: ['camera', 'microphone'] })).newPage();
  page.on('pageerror', (error) => console.log(name, 'page error:', error.message));
  let dead = null;
  await page.routeWebSocket(/.*/, (socket) => {
    if (dead && socket.url().includes(dead)) void socket.close();
    else {
      const server = socket.connectToServer();
      page.cut = () => {
        void socket.close({ code: 1011 });
        void server.close();
      };
    }
  });
  await page.route('**/*', (route) =>
    dead && route.request().url().includes(dead) ? route.abort('connectionrefused') : route.fallback(),
  );
  page.kill = async () => {
    dead = new URL(await page.evaluate(() => window.__seodang.session.view().edge.url)).host;
    page.cut();
  };
  await page.goto(`${base}/class/${lesson.id}?name=${name}&role=${role}&region=${region}`);
  await page.getByTestId('join-submit').click();
  await page.waitForFunction(() => window.__seodang?.room?.state === 'connected', null, { timeout: 20_000 });
  return page;
};
const teacher = await person('teacher', 'instructor', 'seoul');
const student = await person('student', 'student', 'jeju');
const frames = () =>
  student.evaluate(async () =>
    (await window.__seodang.stats()).tracks
      .filter((t) => t.direction === 'in' && t.kind === 'video')
      .reduce((sum, t) => sum + t.frames_decoded, 0),
  );
await student.waitForTimeout(3_000);
const before = await student.evaluate(() => window.__seodang.edge());
await student.evaluate(() => {
  window.__alive = true;
});
console.log('before', before, 'frames', await frames());
await student.kill();
const start = Date.now();
let phases = '';
while (Date.now() - start < 20_000) {
  const now = await student.evaluate(() => `${window.__seodang.session.view().phase.name}@${window.__seodang.edge()}`);
  if (!phases.endsWith(now)) {
    phases += ` ${Date.now() - start}ms:${now}`;
  }
  if (now.startsWith('connected') && !now.endsWith(before)) break;
  await student.waitForTimeout(50);
}
console.log(phases);
await student.waitForFunction(
  async () =>
    (await window.__seodang.stats()).tracks.some((t) => t.direction === 'in' && t.kind === 'video' && t.frames_decoded > 5),
  null,
  { timeout: 10_000 },
);
console.log('pictures again after', Date.now() - start, 'ms, through', await student.evaluate(() => window.__seodang.edge()));
assert.equal(await student.evaluate(() => window.__alive), true, 'no reload');
await teacher.waitForTimeout(2_000);
assert.ok(
  await teacher.evaluate(async () =>
    (await window.__seodang.stats()).tracks.some((t) => t.direction === 'in' && t.kind === 'video' && t.frames_decoded > 5),
  ),
  'the teacher sees the student again',
);
console.log(
  'people at the teacher',
  await teacher.evaluate(() =>
    window.__seodang.session.view().people.map((p) => `${p.name} ${p.edge} camera ${p.camera !== null} mic ${p.micOpen}`),
  ),
);
await browser.close();
