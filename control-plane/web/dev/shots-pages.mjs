// Screenshots of the pages around the classroom into dev/shots/. Start `npm run dev` first.
// Usage: node dev/shots-pages.mjs [part of a name] [--dark] [--en] [--phone|--desktop]
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { CHROMIUM, pages, visit } from './pages.mjs';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
const has = (flag) => process.argv.includes(`--${flag}`);
const only = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const sizes = { desktop: [1280, 800], phone: [360, 740] };
const look = { dark: has('dark'), language: has('en') ? 'en' : 'ko', zone: process.env.ZONE ?? 'Asia/Seoul' };
const suffix = `${look.language === 'en' ? '-en' : ''}${look.dark ? '-dark' : ''}`;

mkdirSync(new URL('shots/', import.meta.url), { recursive: true });
const browser = await chromium.launch(CHROMIUM);
for (const [size, [width, height]] of Object.entries(sizes)) {
  if ((has('phone') && size !== 'phone') || (has('desktop') && size !== 'desktop')) continue;
  for (const [name, spec] of Object.entries(pages)) {
    if (only.length > 0 && !only.some((part) => name.includes(part))) continue;
    const page = await visit(browser, base, spec, { ...look, width, height });
    for (const fault of page.faults) console.log(`${name} ${size}: ${fault}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${name} ${size}: ${wide} px wider than the screen`);
    await page.screenshot({ path: new URL(`shots/${name}-${size}${suffix}.png`, import.meta.url).pathname, fullPage: true });
    await page.context().close();
  }
}
await browser.close();
