// axe-core over every page around the classroom, on the mock: no serious or critical fault may be left.
// Start the mock first (`npm run dev`, or build and preview with dev/vite.config.ts). Usage: node dev/check-axe.mjs [part of a name]
// Other tests use `faultsOf(page)` on a page of their own.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = new Set(['serious', 'critical']);

/** What axe-core finds serious or critical on the page as it is, as lines to read. */
export async function faultsOf(page) {
  // Through the protocol, not as a <script>: the page's Content-Security-Policy stays as it is.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  return violations
    .filter(({ impact }) => GRAVE.has(impact))
    .flatMap(({ id, impact, nodes }) =>
      nodes.map(
        ({ target, failureSummary }) =>
          `${impact} ${id}: ${target.join(' ')} (${(failureSummary ?? '').split('\n').slice(1, 2).join('').trim()})`,
      ),
    );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { chromium } = await import('playwright-core');
  const { CHROMIUM, pages, visit } = await import('./pages.mjs');
  const base = process.env.BASE ?? 'http://127.0.0.1:5173';
  const only = process.argv[2] ?? '';
  const browser = await chromium.launch(CHROMIUM);
  let found = 0;
  let looked = 0;
  for (const [name, spec] of Object.entries(pages)) {
    if (!name.includes(only)) continue;
    for (const look of [
      { width: 360, height: 740 },
      { dark: true, language: 'en' },
    ]) {
      const page = await visit(browser, base, spec, look);
      const faults = [...page.faults, ...(await faultsOf(page))];
      looked += 1;
      found += faults.length;
      for (const fault of faults) console.log(`${name} ${look.dark ? 'desktop dark en' : 'phone'}: ${fault}`);
      await page.context().close();
    }
  }
  await browser.close();
  console.log(`${looked} pages looked at, ${found} serious faults`);
  process.exitCode = found === 0 ? 0 : 1;
}
