// Every page of the real app: fit for screen readers and keyboards at both widths and in both languages, light enough for
// a village's line, and whole in Firefox as well.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';

import { faultsOf } from './axe.mjs';
import { bearer, makeAccount, makeClass, openBrowser, openHouse, person, signIn, until } from './house.mjs';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const SIZES = [{ width: 360, height: 740 }, { width: 1280, height: 800 }];
/** A village's line, and what the first page may ask of it. */
const LINE = { offline: false, latency: 300, downloadThroughput: (400 * 1000) / 8, uploadThroughput: (400 * 1000) / 8 };
const FIRST_PAGE_BYTES_MAX = 150_000;
const FIRST_PAGE_REQUESTS_MAX = 20;
const INTERACTIVE_MS_MAX = 7_000;

let house;
let browser;
let people;
let lesson;
let pages;

before(async () => {
  house = await openHouse(25_800);
  browser = await openBrowser();
  const kim = await makeAccount(house, { name: '김은정', role: 'instructor' });
  const minji = await makeAccount(house, { name: '민지' });
  const admin = await makeAccount(house, { name: '관리자' });
  people = { kim, minji, admin };
  await asked('PATCH', `/v1/admin/accounts/${admin.id}`, { role: 'admin' });
  lesson = await makeClass(house, {
    title: '붓글씨 첫걸음', teacher: kim, category: 'calligraphy', level: 'beginner', description: '먹을 갈고 붓을 잡는 법부터 시작합니다.',
    capacity: 20, recorded: true, starts_at_ms: Date.now() + 86_400_000,
  });
  await makeClass(house, { title: '저녁 꽃꽂이', teacher: kim, category: 'flowers' });
  const of = `/v1/classes/${lesson.id}`;
  await asked('PUT', `${of}/enrolment`, null, minji);
  await asked('POST', `${of}/materials`, { title: '붓 고르는 법', url: 'https://example.org/brush' }, kim);
  await asked('POST', `${of}/quizzes`, quiz(), kim);
  await asked('POST', `${of}/board`, { id: 'thread-one', title: '먹은 어디서 사나요?', text: '동네 문방구에는 없습니다.' }, minji);
  await asked('POST', `${of}/board/thread-one/replies`, { id: 'reply-one', text: '인사동에서 사면 됩니다.' }, kim);
  await asked('POST', '/v1/wishes', { text: '해금 배우기', times: ['weekday-evening'] }, minji);
  const at = `/class/${lesson.id}`;
  const desk = `/desk/${lesson.id}`;
  pages = [
    ['/', null], ['/', minji], ['/search', null], ['/search?q=붓글', minji], ['/search?q=없는수업', null], ['/signin', null], ['/signup', null],
    ['/password', null], ['/me', minji], ['/me', null], ['/mine', minji], ['/notifications', minji], ['/wishes', minji],
    [at, null], [at, minji], [at, kim], [`${at}/room`, minji], [`${at}/room`, null], [`${at}/board`, minji],
    [`${at}/board/thread-one`, minji],
    [`/replay/${lesson.id}`, minji], ['/desk', kim], ['/desk', minji], ['/desk/new', kim], [desk, kim], [`${desk}/edit`, kim],
    [`${desk}/quizzes`, kim], [`${desk}/attendance`, kim], [`${desk}/summary`, kim], ['/demand', kim], ['/admin', admin], ['/ops', admin],
    ['/nowhere/at/all', null],
  ];
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await house?.close();
});

/** Asks the API as an account, or as the server. */
async function asked(method, path, body, account) {
  const headers = { 'content-type': 'application/json', authorization: bearer(house), ...(account && { 'x-on-behalf-of': account.id }) };
  const response = await fetch(`${house.web}${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

function quiz() {
  const choices = [{ id: 'a', text: '단구법' }, { id: 'b', text: '현완법' }];
  return { title: '붓 잡기', items: [{ id: 'one', kind: 'single', text: '붓을 세워 잡는 법은?', choices }], key: { one: ['b'] }, time_limit_s: 60 };
}

/** The page is there: nothing of it is on its way any more. */
const settled = () => document.querySelector('h1') !== null && document.querySelector('[data-testid="loading"]') === null;

test('axe-core finds no serious fault on any page', { timeout: 180_000 }, async (t) => {
  const found = [];
  let looks = 0;
  for (const [name, account] of Object.entries({ nobody: null, ...people })) {
    for (const language of ['ko', 'en']) {
      const page = await person(browser, { ...SIZES[0], locale: language === 'ko' ? 'ko-KR' : 'en-GB' });
      await page.emulateMedia({ reducedMotion: 'reduce' });
      if (account) await signIn(page, house, account);
      for (const [path] of pages.filter(([, who]) => who === account)) {
        await page.goto(`${house.web}${path}${path.includes('?') ? '&' : '?'}lang=${language}`);
        await until(() => page.evaluate(settled), `${path} (${name}, ${language})`);
        for (const size of SIZES) {
          await page.setViewportSize(size);
          const where = `${path} (${name}, ${language}, ${size.width} px)`;
          found.push(...(await faultsOf(page)).map((fault) => `${where}: ${fault}`));
          const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          if (over > 0) found.push(`${where}: ${over} px wider than the screen`);
          looks += 1;
        }
        await page.setViewportSize(SIZES[0]);
      }
      found.push(...page.faults.filter((fault) => !/status of 4\d\d/.test(fault)).map((fault) => `${name}, ${language}: ${fault}`));
      await page.context().close();
    }
  }
  t.diagnostic(`${looks} looks at ${pages.length} pages`);
  assert.deepEqual(found, []);
});

test('the first page is light and soon at hand over 400 kbit/s and 300 ms', { timeout: 60_000 }, async (t) => {
  const page = await person(browser, { ...SIZES[0], permissions: [] });
  const line = await page.context().newCDPSession(page);
  await line.send('Network.enable');
  await line.send('Network.emulateNetworkConditions', LINE);
  let bytes = 0;
  let requests = 0;
  line.on('Network.requestWillBeSent', () => { requests += 1; });
  line.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength; });
  const began = Date.now();
  await page.goto(house.web, { waitUntil: 'commit' });
  // At hand: the search takes what is typed, and the page has a moment to spare.
  await page.getByTestId('search-input').fill('붓글', { timeout: 30_000 });
  await page.evaluate(() => new Promise((resolve) => { requestIdleCallback(resolve); }));
  const interactiveMs = Date.now() - began;
  await page.getByTestId('class-card').first().waitFor({ timeout: 30_000 });
  const shownMs = Date.now() - began;
  await page.waitForLoadState('networkidle');
  const paintMs = await page.evaluate(() => Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0));
  t.diagnostic(`first page: ${bytes} bytes in ${requests} requests`);
  t.diagnostic(`first paint ${paintMs} ms, interactive ${interactiveMs} ms, classes ${shownMs} ms`);
  assert.ok(bytes <= FIRST_PAGE_BYTES_MAX, `${bytes} bytes`);
  assert.ok(requests <= FIRST_PAGE_REQUESTS_MAX, `${requests} requests`);
  assert.ok(interactiveMs <= INTERACTIVE_MS_MAX, `${interactiveMs} ms`);
  await page.context().close();
});

test('the main pages are whole in Firefox', { timeout: 120_000 }, async (t) => {
  const firefox = await puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    extraPrefsFirefox: {
      'intl.accept_languages': 'ko-KR, ko',
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
    },
  });
  t.after(() => firefox.close());
  for (const account of [null, people.minji, people.kim, people.admin]) {
    const context = await firefox.createBrowserContext();
    const page = await context.newPage();
    const faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()); });
    await page.setViewport(SIZES[0]);
    if (account) {
      const domain = new URL(house.web).hostname;
      await context.setCookie({ name: 'seodang_session', value: account.cookie, domain, path: '/', httpOnly: true, sameSite: 'Lax' });
    }
    for (const [path] of pages.filter(([, who]) => who === account)) {
      await page.goto(`${house.web}${encodeURI(path)}`);
      await until(() => page.evaluate(settled), `${path} in Firefox`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(over, 0, `${path} is wider than the screen in Firefox`);
    }
    assert.deepEqual(faults.filter((fault) => !/status of 4\d\d|\b404\b/.test(fault)), []);
    await context.close();
  }
});
