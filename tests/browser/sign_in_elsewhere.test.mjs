// Signing in through another site, as one clicks it: there and back, refused there, a site that is away, and an address that
// has an account here already.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { faultsOf } from './axe.mjs';
import { openFleet } from './fleet.mjs';
import { makeAccount, makeClass, openBrowser, person } from './house.mjs';
import { openProvider } from './provider.mjs';

let provider;
let fleet;
let browser;
let lesson;

before(async () => {
  provider = await openProvider({ sub: 'minji', name: '김민지', email: 'minji@village.example', email_verified: true });
  const setting = `{ name = "village", issuer = "${provider.issuer}", client_id = "${provider.client}", client_secret = "${provider.secret}" }`;
  fleet = await openFleet(23_400, { edges: [], school: `oidc = [${setting}]` });
  browser = await openBrowser();
  lesson = await makeClass(fleet, { title: '붓글씨 첫걸음' });
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await fleet?.close();
  await provider?.close();
});

/** A phone at the sign-in page of a class's page, and the button pressed. */
async function atProvider() {
  const page = await person(browser, { width: 360, height: 740, permissions: [] });
  await page.goto(`${fleet.web}/class/${encodeURIComponent(lesson.id)}`);
  await page.getByTestId('nav-signin').click();
  await page.getByTestId('oidc-village').click();
  return page;
}

const account = (page) => page.evaluate(async () => (await (await fetch('/v1/me')).json()).account);

/** The sign-in page says why, in words, and the way back is still there. */
async function refused(page, words) {
  const notice = page.getByTestId('oidc-failed');
  await notice.waitFor();
  assert.match(await notice.textContent(), words);
  assert.equal(await account(page), null);
  assert.deepEqual(await faultsOf(page), []);
  await page.getByTestId('signin-email').waitFor();
}

test('the button leads there and back to the page one came from, signed in', { timeout: 30_000 }, async () => {
  const page = await atProvider();
  await page.waitForURL(`${provider.issuer}/authorize**`);
  await page.locator('#allow').click();
  await page.waitForURL(`${fleet.web}/class/${encodeURIComponent(lesson.id)}`);
  await page.getByTestId('nav-menu').waitFor();
  const me = await account(page);
  assert.deepEqual([me.name, me.email, me.role], ['김민지', 'minji@village.example', 'student']);
  await page.getByTestId('nav-menu').click();
  await page.getByTestId('sign-out').click();
  await page.getByTestId('nav-signin').waitFor();
  assert.equal(await account(page), null);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('refused there: the page says so, and one may try again', { timeout: 30_000 }, async () => {
  const page = await atProvider();
  await page.locator('#deny').click();
  await refused(page, /허락/);
  await page.getByTestId('oidc-village').click();
  await page.locator('#allow').click();
  await page.waitForURL(`${fleet.web}/class/${encodeURIComponent(lesson.id)}`);
  assert.equal((await account(page)).name, '김민지');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('an address that has an account here asks for its password once', { timeout: 30_000 }, async () => {
  const known = await makeAccount(fleet, { name: '서연' });
  provider.claims = { sub: 'seoyeon', name: '서연', email: known.email, email_verified: true };
  const page = await atProvider();
  await page.locator('#allow').click();
  await refused(page, /비밀번호/);
  await page.getByTestId('signin-email').fill(known.email);
  await page.getByTestId('signin-password').fill(known.password);
  await page.getByTestId('signin-submit').click();
  await page.waitForURL(`${fleet.web}/class/${encodeURIComponent(lesson.id)}`);
  await page.getByTestId('nav-menu').click();
  await page.getByTestId('sign-out').click();
  await page.getByTestId('nav-signin').click();
  await page.getByTestId('oidc-village').click();
  await page.locator('#allow').click();
  await page.getByTestId('nav-menu').waitFor();
  assert.equal((await account(page)).id, known.id, 'the same account from now on');
  await page.context().close();
});

test('a site that takes no code, and one that is away, sign nobody in', { timeout: 30_000 }, async () => {
  provider.claims = { sub: 'minji', aud: 'another school' };
  const page = await atProvider();
  await page.locator('#allow').click();
  await refused(page, /로그인하지 못했습니다/);
  await page.context().close();
  // What it says of itself is kept: it is missed when the code is to be exchanged.
  provider.claims = { sub: 'minji' };
  const late = await atProvider();
  await late.locator('#allow').waitFor();
  await provider.close();
  await late.locator('#allow').click();
  await refused(late, /응답하지 않습니다/);
  await late.context().close();
});
