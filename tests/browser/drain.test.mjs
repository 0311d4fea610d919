// A region is drained while a class runs over three: its people go on at another edge, and nobody's picture or sound stands
// still for half a second. Then they come back by another drain, and the drained process ends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { openFleet } from './fleet.mjs';
import { describe, inClass, readGaps, readStall, startGaps, withTone } from './gaps.mjs';
import { bearer, chatOf, enter, makeAccount, makeClass, openBrowser, person, say, until } from './house.mjs';

const GAP_MAX_MS = 500;
const REGIONS = ['seoul', 'gangneung', 'jeju'];

let fleet;
let browser;
let lesson;
const people = [];

before(async () => {
  fleet = await openFleet(23_000, { origin: true });
  browser = await openBrowser();
  const accounts = [];
  for (const [index, region] of REGIONS.entries()) {
    accounts.push(await makeAccount(fleet, { name: region, role: index === 0 ? 'instructor' : 'student' }));
  }
  lesson = await makeClass(fleet, { title: '이사하는 날', teacher: accounts[0] });
  for (const [index, region] of REGIONS.entries()) {
    const page = await person(browser, { width: 1120, height: 640 });
    await withTone(page);
    await enter(page, fleet, lesson.id, { account: accounts[index], region });
    people.push({ region, page });
  }
  for (const { page } of people) await inClass(page, REGIONS.length - 1, until);
});

after(async () => {
  if (process.env.SEODANG_KEEP) console.log(fleet?.log());
  await browser?.close();
  await fleet?.close();
});

const edgeOf = (page) => page.evaluate(() => window.__seodang.edge());
const sids = (page) => page.evaluate(() => [...window.__seodang.room.remoteParticipants.values()].map((one) => `${one.identity} ${one.sid}`).sort());

async function measure(t, what, act) {
  for (const { page } of people) await startGaps(page);
  await act();
  await sleep(1_500);
  const worst = [];
  for (const { region, page } of people) {
    const gaps = await readGaps(page);
    assert.equal(gaps.length, 2 * (REGIONS.length - 1), `${region} sees and hears everybody`);
    t.diagnostic(`${what}, longest gap at ${describe(region, gaps)}; the page itself stood still ${await readStall(page)} ms`);
    worst.push(...gaps.map((gap) => gap.ms));
  }
  return Math.max(...worst);
}

test('without a drain: what this machine makes of it', async (t) => {
  await measure(t, 'undisturbed', () => sleep(4_000));
});

test('a region is drained without a gap over 500 ms in any client', async (t) => {
  const [seoul] = people;
  await seoul.page.evaluate(() => window.__seodang.session.setHand(true));
  const known = await sids(people[1].page);
  const worst = await measure(t, 'drain of seoul', async () => {
    t.diagnostic((await fleet.drain('seoul', '--deadline', '60s', '--wait')).trim().replaceAll('\n', ' | '));
  });
  assert.notEqual(await edgeOf(seoul.page), 'seoul-edge');
  assert.deepEqual(await sids(people[1].page), known, 'to the others nobody left and nobody came');
  const hand = () => people[1].page.evaluate(() => [...window.__seodang.room.remoteParticipants.values()].some((one) => one.attributes.hand));
  assert.ok(await hand(), 'the hand is still up');
  assert.ok(worst <= GAP_MAX_MS, `${worst} ms`);
});

test('a drained edge takes nobody, by its name and by the control plane', async () => {
  const refused = await fetch(`http://127.0.0.1:23010/rtc/v1/validate?access_token=x`);
  assert.equal(refused.status, 401, 'a wrong token is still the first thing said');
  assert.equal((await fetch('http://127.0.0.1:23010/probe')).status, 503);
  const joined = await fetch(`${fleet.web}/v1/join`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: bearer(fleet) },
    body: JSON.stringify({ class: lesson.id, identity: 'late', region: 'seoul' }),
  });
  const { edges } = await joined.json();
  assert.notEqual(edges[0].id, 'seoul-edge');
});

test('chat said around a move arrives once', async () => {
  const [seoul, gangneung] = people;
  await fleet.drain('seoul', '--cancel');
  const moved = seoul.page.evaluate(() => window.__seodang.edge());
  const from = await moved;
  const said = Array.from({ length: 20 }, (_, index) => `말 ${index}`);
  const draining = fleet.drain(from, '--node', '--wait', '--deadline', '60s');
  for (const text of said) {
    await say(seoul.page, text);
    await sleep(100);
  }
  await draining;
  await until(async () => (await chatOf(gangneung.page)).length >= said.length, 'all that was said', 10_000);
  assert.deepEqual(await chatOf(gangneung.page), said);
});

test('a process that is told to exit ends when it is empty, and SIGTERM is a drain', async (t) => {
  const ended = fleet.node('seoul-edge');
  const at = await Promise.all(people.map(({ page }) => edgeOf(page)));
  const busy = at[2];
  t.diagnostic(`people are on ${at.join(', ')}`);
  const worst = await measure(t, `SIGTERM of ${busy}`, async () => {
    fleet.node(busy).child.kill('SIGTERM');
    assert.equal(await fleet.node(busy).ended, 0);
  });
  assert.ok(worst <= GAP_MAX_MS, `${worst} ms`);
  assert.equal(ended.child.exitCode, busy === 'seoul-edge' ? 0 : null);
});
