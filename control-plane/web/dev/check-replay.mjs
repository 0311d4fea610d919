// Plays the made-up recording in Chromium and measures: drift, seeking, rates, the end, and a recording that still grows.
// Start `npm run dev` first; needs dev/make-media.sh to have run.
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
    '--autoplay-policy=no-user-gesture-required',
  ],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const faults = [];
page.on('pageerror', (error) => faults.push(error.message));
page.on('console', (message) => {
  if (message.type() === 'error') faults.push(message.text());
});
const state = () =>
  page.evaluate(() => ({
    time: window.__replay.time(),
    drift: window.__replay.drift_ms(),
    players: window.__replay.presentations(),
  }));
const brief = ({ time, drift, players }) =>
  `${(time / 1000).toFixed(2)} s, drift ${drift.toFixed(0)} ms, ${players
    .filter((p) => p.active)
    .map((p) => `${p.id}${p.master ? '*' : ''}:${p.drift_ms.toFixed(0)}`)
    .join(' ')}`;
const report = async (what) => {
  const now = await state();
  console.log(`${what}: ${brief(now)}`);
  return now;
};

await page.goto(`${base}/replay/calligraphy-1`);
await page.waitForFunction(() => window.__replay?.presentations().some((p) => p.ready_state >= 2));
await page.getByTestId('replay-play').click();
await page.waitForTimeout(3_000);
let now = await report('after 3 s');
assert.ok(now.time > 4_000 && now.time < 5_600, 'the clock runs');
await page.keyboard.press('ArrowRight');
await page.waitForTimeout(2_500);
await report('after →');
await page.evaluate(() => window.__replay.engine.seek(23_000));
for (let round = 0; round < 8; round++) {
  await page.waitForTimeout(700);
  now = await report('seek 23 s');
}
assert.ok(now.drift <= 80, 'three media in step');
assert.equal(now.players.filter((p) => p.active && !p.paused).length, now.players.filter((p) => p.active).length);
await page.getByTestId('replay-rate').selectOption('2');
await page.waitForTimeout(3_000);
await report('2×');
await page.getByTestId('replay-seek').fill('43000');
await page.waitForTimeout(2_000);
now = await report('seek 43 s at 2×');
await page.keyboard.press(' ');
await page.waitForTimeout(600);
const paused = await state();
await page.waitForTimeout(500);
assert.equal((await state()).time, paused.time, 'paused');
await page.getByTestId('timeline-event').first().click();
await page.waitForTimeout(700);
assert.ok(Math.abs((await report('first event, paused')).time - 2_000) < 200);
await page.evaluate(() => {
  window.__replay.engine.setRate(1);
  window.__replay.engine.seek(56_000);
  window.__replay.engine.play();
});
await page.waitForTimeout(7_500);
now = await report('end');
assert.ok(now.time >= 61_900, 'ran to the end');
assert.equal(await page.getByTestId('replay-play').getAttribute('data-playing'), 'false');
await page.getByTestId('replay-play').click();
await page.waitForTimeout(1_500);
now = await report('again');
assert.ok(now.time > 2_200 && now.time < 5_000, 'from the start again');

await page.goto(`${base}/replay/calligraphy-1?manifest=${encodeURIComponent('/growing/RM_mock/manifest.json')}`);
await page.waitForFunction(() => window.__replay?.presentations().some((p) => p.ready_state >= 2));
await page.getByTestId('replay-play').click();
await page.waitForTimeout(2_500);
now = await report('growing, from the start');
assert.ok(now.time < 7_000, 'a running class is shown from its start');
await page.getByTestId('replay-live-edge').click();
for (let round = 0; round < 12; round++) {
  await page.waitForTimeout(1_500);
  now = await report(
    `growing, ${await page.evaluate(() => `${window.__replay.manifest.state} ${window.__replay.manifest.duration_ms}`)}`,
  );
}
await page.waitForFunction(() => window.__replay.manifest.state === 'complete', null, { timeout: 60_000 });
await page.waitForTimeout(9_000);
now = await report('grown up');
assert.ok(now.time >= 61_900, 'played to the end of what has grown');
console.log('faults', faults);
await browser.close();
