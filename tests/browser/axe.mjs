// What axe-core says of a page as it is.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = new Set(['serious', 'critical']);
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Serious and critical faults as lines to read. */
export async function faultsOf(page) {
  // Through the protocol and not as a <script>: the page's Content-Security-Policy stays as it is.
  await page.evaluate(AXE);
  const violations = await page.evaluate(async (rules) => {
    // A colour on its way to another is neither.
    const passing = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(passing.map(({ finished }) => finished));
    const found = await globalThis.axe.run(document, { resultTypes: ['violations'], runOnly: rules });
    return found.violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      nodes: nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${(failureSummary ?? '').split('\n')[1]?.trim() ?? ''})`),
    }));
  }, RULES);
  const grave = violations.filter(({ impact }) => GRAVE.has(impact));
  return grave.flatMap(({ id, impact, nodes }) => nodes.map((node) => `${impact} ${id}: ${node}`));
}
