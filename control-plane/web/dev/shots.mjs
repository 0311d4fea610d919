// Screenshots of the lobby, the live class, the replay and operations on the mock, desktop and phone, into dev/shots/.
// The other pages: shots-pages.mjs. Start `npm run dev` first.
// Usage: node dev/shots.mjs [part of a name] [--dark]
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
const [only = ''] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const dark = process.argv.includes('--dark');
const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };
const enter = (panel) => async (page) => {
  await page.getByTestId('join-submit').click();
  if (panel) await page.getByTestId(`toggle-${panel}`).click();
  await page.waitForTimeout(700);
};
const lobby = (query = '') => `/class/pole-flower/room?as=student&region=jeju${query}`;
const teach = (query = '') => lobby(query).replace('as=student', 'as=teacher');
const shots = {
  lobby: [lobby()],
  'lobby-observer': [lobby('&role=observer')],
  'room-missing': ['/class/none/room'],
  'live-talk': [lobby('&scene=talk'), enter()],
  'live-alone': [lobby('&scene=alone'), enter()],
  'live-screen': [lobby('&scene=screen'), enter()],
  'live-crowd': [lobby('&scene=crowd'), enter()],
  'live-chat': [lobby('&scene=talk'), enter('chat')],
  'live-people': [lobby('&scene=screen'), enter('people')],
  'live-reconnecting': [lobby('&scene=reconnecting'), enter()],
  'live-failed': [lobby('&scene=failed'), enter()],
  'live-ended': [lobby('&scene=ended'), enter()],
  'live-verdict': [
    lobby('&scene=talk&lang=en'),
    async (page) => {
      await enter()(page);
      await page.getByTestId('verdict').click();
    },
  ],
  'live-quiz': [lobby('&room=quiz'), enter()],
  'live-poll': [lobby('&room=poll'), enter()],
  'live-revealed': [lobby('&room=revealed'), enter('activity')],
  'live-spotlight': [lobby('&room=spotlight'), enter()],
  'live-away': [lobby('&room=away'), enter('chat')],
  'live-desk': [teach('&room=prepared'), enter('activity')],
  'live-slides': [
    teach('&room=prepared'),
    async (page) => {
      await enter('activity')(page);
      await page.getByTestId('tab-slides').click();
      const show = page.getByTestId('slide-show').first();
      if (await show.isEnabled()) await show.click();
      await page.getByTestId('slide-desk-next').click();
      await page.waitForTimeout(400);
    },
  ],
  'live-slide-bar': [
    teach('&room=prepared'),
    async (page) => {
      await shots['live-slides'][1](page);
      await page.getByTestId('toggle-activity').click();
      await page.keyboard.press('PageDown');
      await page.waitForTimeout(400);
    },
  ],
  'live-hands': [teach('&room=hands'), enter('people')],
  'lobby-guest': [lobby().replace('as=student', 'as=guest')],
  replay: [
    '/replay/calligraphy-1?t=26',
    async (page) => {
      await page.getByTestId('replay-play').click();
      await page.waitForTimeout(4000);
    },
  ],
  'replay-start': ['/replay/calligraphy-1', (page) => page.waitForTimeout(1500)],
  'replay-none': ['/replay/english'],
  ops: ['/ops', (page) => page.waitForTimeout(1200)],
  'ops-en': ['/ops?lang=en'],
  'ops-empty': ['/ops?mock=empty'],
};

mkdirSync(new URL('shots/', import.meta.url), { recursive: true });
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
    '--autoplay-policy=no-user-gesture-required',
  ],
});
for (const [size, viewport] of Object.entries(sizes)) {
  for (const [name, [path, act]] of Object.entries(shots)) {
    if (!name.includes(only)) continue;
    const context = await browser.newContext({
      viewport,
      colorScheme: dark ? 'dark' : 'light',
      deviceScaleFactor: 1,
      hasTouch: size === 'phone',
      permissions: ['camera', 'microphone'],
    });
    const page = await context.newPage();
    page.on('pageerror', (error) => console.log(`${name} ${size}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') console.log(`${name} ${size}: ${message.text()}`);
    });
    await page.goto(base + path);
    await page.waitForTimeout(900);
    try {
      await act?.(page);
    } catch (error) {
      console.log(`${name} ${size}: ${error.message.split('\n')[0]}`);
    }
    await page.waitForTimeout(200);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${name} ${size}: ${wide} px wider than the screen`);
    await page.screenshot({
      path: new URL(`shots/${name}-${size}${dark ? '-dark' : ''}.png`, import.meta.url).pathname,
      fullPage: !name.startsWith('live'),
    });
    await context.close();
  }
}
await browser.close();
