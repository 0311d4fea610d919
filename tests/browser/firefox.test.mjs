// A student in Firefox: another engine's WebRTC in the same class as an instructor in Chromium, on different edges.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';

import { enter, makeAccount, makeClass, openBrowser, openHouse, person, received, until } from './house.mjs';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

// Fake devices, no questions, loopback candidates, and nothing that calls home.
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-manager.url': '',
  'intl.accept_languages': 'ko-KR, ko',
  'app.normandy.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'browser.newtabpage.activity-stream.feeds.system.topstories': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.server': '',
};

let house;
let chromium;
let firefox;
let lesson;
let kim;
let jiu;
let instructor;
let student;

before(async () => {
  house = await openHouse(24_400);
  [chromium, firefox] = await Promise.all([
    openBrowser(),
    puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, extraPrefsFirefox: PREFERENCES }),
  ]);
  kim = await makeAccount(house, { name: '김선생', role: 'instructor' });
  jiu = await makeAccount(house, { name: '지우' });
  lesson = await makeClass(house, { title: '꽃꽂이 밤반', teacher: kim });
  instructor = await person(chromium);
  student = await visitor();
}, { timeout: 90_000 });

after(async () => {
  await firefox?.close();
  await chromium?.close();
  await house?.close();
});

/** A page of Firefox that keeps what went wrong in it. */
async function visitor() {
  const page = await firefox.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(`page error: ${error.message}`));
  page.on('console', (message) => { if (message.type() === 'error') page.faults.push(message.text()); });
  return page;
}

async function flows(page, direction, kind) {
  return (await received(page)).filter((track) => track.direction === direction && track.kind === kind);
}

async function attend(page, classId, { account, region }) {
  await page.browserContext().setCookie({ name: 'seodang_session', value: account.cookie, domain: new URL(house.web).hostname, path: '/', httpOnly: true, sameSite: 'Lax' });
  await page.goto(`${house.web}/class/${encodeURIComponent(classId)}/room?region=${region}`);
  await page.waitForSelector('[data-testid="join-submit"]:not([disabled])', { timeout: 15_000 });
  await page.click('[data-testid="join-submit"]');
  await page.waitForFunction(() => window.__seodang?.room?.state === 'connected', { timeout: 15_000 });
}

test('every page opens in Firefox without an error', async () => {
  for (const [path, wanted] of [['/', '꽃꽂이 밤반'], ['/ops', '제주'], [`/class/${lesson.id}`, '꽃꽂이 밤반'], [`/class/${lesson.id}/room`, '꽃꽂이 밤반'], ['/signup', ''], [`/replay/${lesson.id}`, ''], ['/nowhere/at/all', '']]) {
    const page = await visitor();
    await page.goto(`${house.web}${path}`);
    await until(() => page.evaluate((text) => document.body.innerText.trim().length > 20 && document.body.innerText.includes(text), wanted), `${path} shows ${wanted}`);
    // The replay of a class that was never recorded is answered with 404, which the console notes.
    assert.deepEqual(page.faults.filter((fault) => !/404/.test(fault)), [], path);
    await page.close();
  }
});

test('a student in Firefox sees and hears the instructor of another region', async (t) => {
  await enter(instructor, house, lesson.id, { account: kim, region: 'seoul' });
  await attend(student, lesson.id, { account: jiu, region: 'jeju' });
  const joined = Date.now();
  assert.equal(await student.evaluate(() => window.__seodang.edge()), house.edges.find((edge) => edge.region === 'jeju').id);
  await until(async () => (await flows(student, 'in', 'video')).some((track) => track.frames_decoded > 0), 'a picture', 10_000, 50);
  await until(async () => (await flows(student, 'in', 'audio')).some((track) => track.packets > 5), 'sound', 10_000, 50);
  const tookMs = Date.now() - joined;
  t.diagnostic(`picture and sound in Firefox ${tookMs} ms after its join`);
  assert.ok(tookMs <= 2_000, `${tookMs} ms`);
  await until(async () => (await flows(student, 'in', 'audio')).some((track) => track.total_audio_energy > 0.001), 'the instructor’s beeps');
  const before = (await flows(student, 'in', 'video'))[0];
  await until(async () => (await flows(student, 'in', 'video'))[0].frames_decoded >= before.frames_decoded + 60, 'sixty more pictures');
});

test('the instructor’s picture really shows and moves', async () => {
  const picture = () => student.evaluate(() => {
    for (const video of document.querySelectorAll('video')) {
      if (video.paused || video.videoWidth < 100) continue;
      const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 18 });
      const draw = canvas.getContext('2d');
      draw.drawImage(video, 0, 0, 32, 18);
      const pixels = draw.getImageData(0, 0, 32, 18).data;
      // Firefox's own fake camera is one colour; Chromium's is a pattern.
      if (new Set(pixels).size > 20) return pixels.join();
    }
    return null;
  });
  const first = await until(picture, 'the instructor’s picture on the page');
  await until(async () => { const now = await picture(); return now && now !== first; }, 'another picture');
});

test('the instructor sees and hears Firefox, which publishes VP8', async (t) => {
  const picture = await until(async () => (await flows(instructor, 'in', 'video')).find((track) => track.frames_decoded > 30), 'Firefox’s picture');
  assert.equal(picture.codec, 'video/VP8');
  await until(async () => (await flows(instructor, 'in', 'audio')).some((track) => track.total_audio_energy > 0.001), 'Firefox’s tone');
  const sent = await flows(student, 'out', 'video');
  t.diagnostic(`Firefox sends ${sent.map((track) => `${track.rid ?? '-'}:${track.codec}:${track.width}x${track.height}`).join(' ')}`);
  assert.ok(sent.length > 0 && sent.every((track) => track.codec === 'video/VP8'), JSON.stringify(sent));
  assert.ok(sent.some((track) => track.frames_decoded > 30), JSON.stringify(sent));
});

test('Firefox sends more as the edge tells it that there is room', async (t) => {
  const widest = async () => Math.max(...(await flows(instructor, 'in', 'video')).map((track) => track.width));
  await until(async () => (await widest()) >= 640, 'a layer above the lowest in Chromium', 20_000);
  t.diagnostic(`the instructor sees Firefox ${await widest()} pixels wide`);
});

test('chat goes both ways', async () => {
  const say = async (page, text) => {
    await page.type('[data-testid="chat-input"]', text);
    await page.click('[data-testid="chat-send"]');
  };
  const reads = (page, text) => page.evaluate(
    (words) => [...document.querySelectorAll('[data-testid="chat-message"][data-local="false"]')].some((message) => message.textContent.includes(words)), text,
  );
  for (const page of [student, instructor]) {
    if (!(await page.evaluate(() => !!document.querySelector('[data-testid="chat-input"]')?.checkVisibility()))) await page.click('[data-testid="toggle-chat"]');
  }
  await say(student, '가위는 어디에 있나요?');
  await until(() => reads(instructor, '가위는 어디에'), 'the question in Chromium');
  await say(instructor, '왼쪽 서랍에 있어요.');
  await until(() => reads(student, '왼쪽 서랍에'), 'the answer in Firefox');
});

test('Firefox that loses its signalling goes on with its media', async () => {
  const before = (await flows(student, 'in', 'video'))[0].frames_decoded;
  const heard = (await flows(instructor, 'in', 'video'))[0].frames_decoded;
  await student.evaluate(() => window.__seodang.room.simulateScenario('signal-reconnect'));
  await until(() => student.evaluate(() => window.__seodang.room.state === 'connected'), 'resumed', 10_000);
  await until(async () => (await flows(student, 'in', 'video'))[0].frames_decoded > before + 15, 'pictures in Firefox', 10_000);
  await until(async () => (await flows(instructor, 'in', 'video'))[0].frames_decoded > heard + 15, 'pictures from Firefox', 10_000);
});

test('pages made no error', () => {
  // The reconnection that a test asks for logs its own closed WebSocket.
  const serious = (fault) => !/WebSocket|signal|net::ERR|ws:\/\//i.test(fault);
  assert.deepEqual(student.faults.filter(serious), []);
  assert.deepEqual(instructor.faults.filter(serious), []);
});
