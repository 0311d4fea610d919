// Walks through the pages on the mock as people do, mostly by keyboard: what is pressed happens, what fails is taken back.
// Start the mock first (build and preview with dev/vite.config.ts, or `npm run dev`); it remembers, so restart it in between.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { CHROMIUM, visit } from './pages.mjs';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
const browser = await chromium.launch(CHROMIUM);
const walks = {
  async 'a newcomer signs up with a mailed code and lands where she wanted to go'() {
    const page = await visit(browser, base, { path: '/class/brush-hand' });
    await page.getByTestId('enrol').click();
    await page.getByTestId('to-signup').click();
    await page.getByTestId('signup-submit').click();
    // The first fault has the focus.
    await page.waitForFunction(() => document.activeElement?.dataset.testid === 'signup-name');
    await page.keyboard.type('윤미나');
    await page.getByTestId('signup-email').fill('mina@example.kr');
    await page.getByTestId('signup-password').fill('여덟자가넘는다');
    await page.keyboard.type('네');
    await page.keyboard.press('Enter');
    const code = page.getByTestId('code-input');
    await code.fill('１１１ １１１');
    assert.equal(await code.inputValue(), '111111', 'digits of any width, without the space');
    await page.keyboard.press('Enter');
    await page.getByTestId('error-banner').waitFor();
    await code.fill('확인 번호는 042170');
    await page.keyboard.press('Enter');
    await page.getByTestId('class-page').waitFor();
    return page;
  },
  async 'half a Korean word finds a class; the way there is in the address'() {
    const page = await visit(browser, base, { path: '/' });
    await page.getByTestId('search-input').fill('붓글');
    await page.getByTestId('suggestion').first().waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await page.waitForURL(/search\?q=/);
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="class-card"]').length === 2);
    await page.getByTestId('filter-when-upcoming').click();
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="class-card"]').length === 1);
    assert.match(page.url(), /when=upcoming/);
    assert.match(await page.getByTestId('search-count').innerText(), /1/);
    await page.reload();
    await page.getByTestId('class-open').click();
    await page.getByTestId('class-page').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main', 'a turn of the page moves the focus');
    return page;
  },
  async 'enrolling shows at once, and is taken back when the server refuses'() {
    const page = await visit(browser, base, { path: '/class/kimchi', as: 'seoyeon' });
    let answer = null;
    await page.route('**/enrolment', async (route) => {
      await new Promise((resolve) => {
        answer = resolve;
      });
      await route.fulfill({ status: 409, contentType: 'application/json', body: '{"code":"class_full","message":"full"}' });
    });
    await page.getByTestId('enrol').click();
    await page.getByTestId('leave').waitFor();
    assert.match(await page.getByTestId('class-crowd').innerText(), /42/);
    answer();
    await page.getByTestId('enrol').waitFor();
    assert.match(await page.getByTestId('class-crowd').innerText(), /41/);
    await page.unroute('**/enrolment');
    // An outage is waited out: the first try fails, the second counts.
    let tries = 0;
    await page.route('**/enrolment', (route) => ((tries += 1) === 1 ? route.abort() : route.continue()));
    await page.getByTestId('enrol').click();
    await page.waitForFunction(() => document.querySelector('[data-testid="announcer"]')?.textContent?.includes('마쳤습니다'));
    assert.equal(tries, 2);
    await page.getByTestId('like').click();
    await page.waitForFunction(() => document.querySelector('[data-testid="like"]')?.getAttribute('aria-pressed') === 'true');
    return page;
  },
  async 'a question is asked about a moment, and typed words survive a reload'() {
    const page = await visit(browser, base, { path: '/class/calligraphy-1/board?minute_ms=62000', as: 'mina' });
    await page.getByTestId('thread-title').fill('붓을 왜 눕히나요?');
    await page.getByTestId('thread-text').fill('<img src=x onerror=alert(1)> 그대로 보여야 합니다');
    await page.reload();
    assert.equal(await page.getByTestId('thread-title').inputValue(), '붓을 왜 눕히나요?');
    await page.getByTestId('thread-submit').click();
    await page.getByTestId('thread-page').waitFor();
    assert.match(await page.locator('.posting').first().innerText(), /<img src=x/);
    await page.getByTestId('reply-text').fill('고맙습니다');
    await page.getByTestId('reply-submit').click();
    await page.waitForFunction(() => document.querySelector('[data-testid="reply-text"]')?.value === '');
    return page;
  },
  async 'an instructor makes a class in another zone, by keyboard'() {
    const page = await visit(browser, base, { path: '/desk', as: 'kim' });
    await page.getByTestId('desk-new').focus();
    await page.keyboard.press('Enter');
    await page.getByTestId('class-title').fill('먹 갈기');
    await page.getByTestId('class-zone-select').selectOption('America/New_York');
    await page.getByTestId('class-date').fill('2030-07-01');
    await page.getByTestId('class-time').fill('20:00');
    const [request] = await Promise.all([
      page.waitForRequest((asked) => asked.method() === 'POST' && asked.url().endsWith('/v1/classes')),
      page.getByTestId('class-save').click(),
    ]);
    const body = request.postDataJSON();
    assert.equal(body.starts_at_ms, Date.UTC(2030, 6, 2, 0, 0));
    assert.equal(body.time_zone, 'America/New_York');
    assert.equal(request.headers()['x-csrf-token'], 'mock');
    await page.getByTestId('leaf-edit').waitFor();
    return page;
  },
  async 'attendance is corrected with a reason, in a dialog that keeps the focus'() {
    const page = await visit(browser, base, { path: '/desk/calligraphy-1/attendance', as: 'kim' });
    await page.getByTestId('correct').last().click();
    await page.getByTestId('correct-save').click();
    await page.waitForFunction(() => document.activeElement?.dataset.testid === 'correct-reason');
    for (let press = 0; press < 12; press++) await page.keyboard.press('Tab');
    assert.ok(
      await page.evaluate(
        () => document.activeElement === document.body || document.querySelector('dialog')?.contains(document.activeElement),
      ),
    );
    await page.getByTestId('correct-late').check();
    await page.getByTestId('correct-reason').fill('전화로 들었음');
    await page.keyboard.press('Enter');
    await page.waitForFunction(
      () => [...document.querySelectorAll('[data-testid="attendance-row"]')].at(-1)?.dataset.status === 'late',
    );
    return page;
  },
  async 'Escape closes a dialog and gives the focus back; leaving asks first'() {
    const page = await visit(browser, base, { path: '/class/brush-hand', as: 'mina' });
    await page.getByTestId('leave').click();
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('dialog'));
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'leave');
    return page;
  },
  async 'a lost session says so and loses nothing'() {
    const page = await visit(browser, base, { path: '/wishes', as: 'mina' });
    await page.getByTestId('wish-text').fill('대금 배우기');
    await page.context().clearCookies();
    await page.getByTestId('wish-submit').click();
    await page.getByTestId('error-banner').waitFor();
    assert.equal(await page.getByTestId('wish-text').inputValue(), '대금 배우기');
    return page;
  },
};

let failed = 0;
for (const [name, walk] of Object.entries(walks)) {
  try {
    const page = await walk();
    assert.deepEqual(
      page.faults.filter((fault) => !/ERR_FAILED/.test(fault)),
      [],
    );
    await page.context().close();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${error.message.split('\n').slice(0, 6).join('\n        ')}`);
  }
}
await browser.close();
process.exitCode = failed === 0 ? 0 : 1;
