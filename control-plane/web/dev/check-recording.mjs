// A class on a real house is recorded; it is watched while it runs and after it. Started like check-live.mjs.
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
const seconds = Number(process.env.SECONDS ?? 25);
mkdirSync(new URL('shots/', import.meta.url), { recursive: true });
const shot = (page, name) => page.screenshot({ path: new URL(`shots/real-${name}.png`, import.meta.url).pathname });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection', '--auto-select-desktop-capture-source=Entire screen', '--autoplay-policy=no-user-gesture-required'],
});
const lesson = await (await fetch(`${base}/v1/classes`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ title: '꽃꽂이 저녁반', instructor: '한가람', recorded: true }) })).json();
const open = async (name, viewport = { width: 1280, height: 800 }) => {
  const page = await (await browser.newContext({ viewport, permissions: ['camera', 'microphone'] })).newPage();
  page.on('pageerror', (error) => console.log(name, 'page error:', error.message));
  page.on('console', (message) => message.type() === 'error' && console.log(name, message.text().slice(0, 200)));
  page.on('response', (response) => response.status() >= 400 && console.log(name, response.status(), response.url()));
  return page;
};
const enter = async (name, role, region) => {
  const page = await open(name);
  await page.goto(`${base}/class/${lesson.id}?name=${encodeURIComponent(name)}&role=${role}&region=${region}`);
  await page.getByTestId('join-submit').click();
  await page.waitForFunction(() => window.__seodang?.room?.state === 'connected', null, { timeout: 20_000 });
  return page;
};
const report = async (page, what) => console.log(what, await page.evaluate(() => {
  const { manifest, node, time, drift_ms, presentations } = window.__replay;
  return JSON.stringify({ state: manifest.state, duration: manifest.duration_ms, node, time: Math.round(time()), drift: Math.round(drift_ms()), list: presentations().map((p) => `${p.source}${p.master ? '*' : ''} ${p.active} ${Math.round(p.drift_ms)} frames ${p.frames} ${p.width}x${p.height} ${p.failed ?? ''}`) });
}));
const teacher = await enter('한가람', 'instructor', 'seoul');
const student = await enter('미나', 'student', 'jeju');
await student.getByTestId('toggle-chat').click();
await student.getByTestId('chat-input').fill('가지는 어느 쪽으로 자르나요?');
await student.getByTestId('chat-send').click();
await teacher.waitForTimeout(3_000);
await teacher.getByTestId('btn-screen').click();
await teacher.waitForTimeout(seconds * 500);
const viewer = await open('viewer');
await viewer.goto(`${base}/replay/${lesson.id}?region=gangneung`);
await viewer.waitForFunction(() => window.__replay, null, { timeout: 15_000 }).catch(async () => { console.log('no live replay', await viewer.getByRole('main').innerText()); await shot(viewer, 'replay-live-missing'); });
if (await viewer.evaluate(() => Boolean(window.__replay))) {
  await viewer.getByTestId('replay-play').click();
  await viewer.waitForTimeout(3_000);
  await report(viewer, 'live, from the start');
  await viewer.getByTestId('replay-live-edge').click();
  for (let round = 0; round < 3; round++) { await viewer.waitForTimeout(2_000); await report(viewer, 'live, at the edge'); }
  await shot(viewer, 'replay-live');
}
await teacher.getByTestId('btn-screen').click();
await teacher.waitForTimeout(seconds * 300);
await teacher.context().close();
await student.context().close();
const ended = Date.now();
const late = await open('late', { width: 360, height: 740 });
for (;;) {
  const found = await (await fetch(`${base}/v1/classes/${lesson.id}`)).json();
  if ((found.state === 'ended' && found.replay) || Date.now() - ended > 20_000) { console.log('ended with', found.state, found.replay, 'after', Date.now() - ended); break; }
  await late.waitForTimeout(100);
}
await late.goto(`${base}/replay/${lesson.id}?region=jeju`);
await late.waitForFunction(() => window.__replay?.presentations().some((p) => p.ready_state >= 2), null, { timeout: 15_000 });
await late.getByTestId('replay-play').click();
await late.waitForFunction(() => window.__replay.time() > window.__replay.manifest.presentations[0].start_ms + 200);
console.log('plays', Date.now() - ended, 'ms after the end');
for (let round = 0; round < 5; round++) { await late.waitForTimeout(1_500); await report(late, 'after'); }
await shot(late, 'replay-after');
console.log('events', await late.getByTestId('timeline-event').allInnerTexts());
await late.evaluate(() => window.__replay.engine.seek(window.__replay.manifest.duration_ms - 4_000));
await late.waitForTimeout(5_500);
await report(late, 'end');
console.log(JSON.stringify(await late.evaluate(() => window.__replay.manifest), null, 1));
await browser.close();
