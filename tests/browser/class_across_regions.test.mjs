// An instructor in Seoul, a student in Jeju: each sees and hears the other, and what crosses between their edges is what
// somebody watches, once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { chatOf, enter, makeAccount, makeClass, metrics, openBrowser, openHouse, openPanel, person, received, say, until } from './house.mjs';

let house;
let browser;
let lesson;
let kim;
let minji;
let instructor;
let student;

before(async () => {
  house = await openHouse(21_000);
  browser = await openBrowser();
  kim = await makeAccount(house, { name: '김선생', role: 'instructor' });
  minji = await makeAccount(house, { name: '민지' });
  lesson = await makeClass(house, { title: '붓글씨 첫걸음', teacher: kim });
  instructor = await person(browser);
  student = await person(browser, { width: 360, height: 740 });
});

after(async () => {
  await browser?.close();
  await house?.close();
});

const edge = (region) => house.edges.find((entry) => entry.region === region);

function flows(page, kind, source) {
  return received(page).then((tracks) => tracks.filter((t) => t.direction === 'in' && t.kind === kind && (!source || t.source === source)));
}

test('both see and hear each other within two seconds of joining', async (t) => {
  await enter(instructor, house, lesson.id, { account: kim, region: 'seoul' });
  await enter(student, house, lesson.id, { account: minji, region: 'jeju' });
  const joined = Date.now();
  assert.equal(await instructor.evaluate(() => window.__seodang.edge()), edge('seoul').id);
  assert.equal(await student.evaluate(() => window.__seodang.edge()), edge('jeju').id);
  for (const page of [student, instructor]) {
    await until(async () => (await flows(page, 'video')).some((track) => track.frames_decoded > 0), 'a picture', 10_000, 50);
    await until(async () => (await flows(page, 'audio')).some((track) => track.packets > 5), 'sound', 10_000, 50);
  }
  const tookMs = Date.now() - joined;
  t.diagnostic(`picture and sound both ways ${tookMs} ms after the second join`);
  assert.ok(tookMs <= 2_000, `${tookMs} ms`);
});

test('pictures go on: frames are decoded in both directions without a freeze', async () => {
  await sleep(2_000);
  const before = await flows(student, 'video');
  await sleep(3_000);
  const later = await flows(student, 'video');
  assert.ok(later[0].frames_decoded - before[0].frames_decoded >= 30, JSON.stringify({ before, later }));
});

test('the media crosses the link once for each track and layer, and an unwatched layer does not', async (t) => {
  const seoul = await metrics(edge('seoul').admin);
  const jeju = `{peer="${edge('jeju').id}"}`;
  const flowsOut = seoul[`seodang_link_flows_out${jeju}`];
  // The student watches one camera (one layer) and hears one microphone.
  assert.equal(flowsOut, 2, 'one video layer and one audio flow');
  const third = await person(browser);
  await enter(third, house, lesson.id, { account: await makeAccount(house, { name: '서연' }), observes: true, region: 'jeju' });
  await until(async () => (await flows(third, 'video')).length >= 1 && (await flows(third, 'video')).every((x) => x.frames_decoded > 0), 'a second watcher in Jeju');
  await sleep(2_500);
  const again = await metrics(edge('seoul').admin);
  const layers = again[`seodang_link_flows_out${jeju}`] - 1;
  t.diagnostic(`video layers crossing for two watchers in Jeju: ${layers}`);
  assert.ok(layers <= 2, `two watchers in Jeju pull at most the layers they watch, not a copy each: ${layers}`);
  await third.context().close();
});

test('chat arrives, and a raised hand is seen', async () => {
  await say(student, '선생님, 붓을 어떻게 잡아요?');
  await until(async () => (await chatOf(instructor)).some((text) => text.includes('붓을 어떻게')), 'the question in the instructor’s chat');
  await student.getByTestId('btn-hand').click();
  await openPanel(instructor, 'people');
  await instructor.locator(`[data-testid="hand"][data-identity="${minji.id}"]`).waitFor({ timeout: 10_000 });
  // The room itself knows too, without the control plane.
  await until(
    () => instructor.evaluate((id) => window.__seodang.room.remoteParticipants.get(id)?.attributes.hand, minji.id),
    'the hand in the room',
  );
});

test('a shared screen arrives', async () => {
  // Headless Chromium has no screen to choose: a canvas stands in for it and is published as one.
  await instructor.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const draw = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      draw.fillStyle = '#fff';
      draw.fillRect(0, 0, 1280, 720);
      draw.fillStyle = '#000';
      draw.font = '200px sans-serif';
      draw.fillText(String((n += 1)), 100, 400);
    }, 100);
    const [track] = canvas.captureStream(10).getVideoTracks();
    await window.__seodang.room.localParticipant.publishTrack(track, { source: 'screen_share', name: 'screen', simulcast: false });
  });
  await until(async () => (await flows(student, 'video', 'screen_share')).some((x) => x.frames_decoded > 5), 'the screen', 10_000);
});

test('a client that loses its signalling goes on with its media', async (t) => {
  const frames = async () => new Map((await flows(student, 'video')).map((track) => [track.source, track.frames_decoded]));
  const earlier = await frames();
  await sleep(1_500);
  const before = await frames();
  // What a small page does not show, it does not fetch.
  const shown = [...before.keys()].filter((source) => before.get(source) > (earlier.get(source) ?? 0));
  t.diagnostic(`shown before the loss: ${shown.join(', ')}`);
  assert.ok(shown.includes('screen_share'));
  await student.evaluate(() => window.__seodang.room.simulateScenario('signal-reconnect'));
  await until(() => student.evaluate(() => window.__seodang.room.state === 'connected'), 'resumed', 10_000);
  for (const source of shown) {
    await until(async () => (await frames()).get(source) > before.get(source) + 15, `pictures of ${source} after the resume`, 10_000);
  }
});

test('pages made no error', () => {
  assert.deepEqual(instructor.faults.filter(serious), []);
  assert.deepEqual(student.faults.filter(serious), []);
});

// The reconnection that a test asks for logs its own closed WebSocket.
const serious = (fault) => !/WebSocket|signal|net::ERR/i.test(fault);
