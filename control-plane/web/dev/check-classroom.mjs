// What happens beside sound and picture, in Chromium on the mock: an instructor's quiz reaches a student at once, an answer
// given while the network is cut is kept, survives a reload, and arrives once. Start `npm run dev` first.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
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
const run = Date.now();
const faults = [];
/** `shared` rooms are one for both pages; the number keeps runs apart. */
async function person(as, room, viewport) {
  const context = await browser.newContext({ viewport, permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`${as}: ${error.message}`));
  await page.goto(`${base}/class/${room}/room?as=${as}&room=shared&n=${run}&region=jeju`);
  await enter(page);
  return page;
}
async function enter(page) {
  await page.getByTestId('join-submit').click();
  await page.getByTestId('live').waitFor();
}
const took = async (what, act) => {
  const start = Date.now();
  const value = await act();
  console.log(`${what}: ${Date.now() - start} ms`);
  return value;
};

const teacher = await person('teacher', 'flowers', { width: 1280, height: 800 });
const student = await person('student', 'flowers', { width: 360, height: 740 });
await teacher.waitForTimeout(500);

// Two clicks from nothing prepared but the text: write it, open it.
await teacher.getByTestId('toggle-activity').click();
await teacher.getByTestId('quiz-new').click();
await teacher.getByTestId('quiz-text').fill('가로획은 어느 쪽에서 시작하나요?');
await teacher.getByTestId('quiz-choice-text').nth(0).fill('왼쪽');
await teacher.getByTestId('quiz-choice-text').nth(1).fill('오른쪽');
await teacher.getByTestId('quiz-right').first().check();
await teacher.getByTestId('quiz-save-open').click();
await took('the quiz opens on the student’s phone', () => student.getByTestId('quiz-choice').first().waitFor());

// The network is cut for the API; the answer is handed in meanwhile.
let puts = 0;
const answers = /\/answers\//;
await student.context().route(/\/v1\//, (route) => {
  if (answers.test(route.request().url())) puts += 1;
  return route.abort();
});
await student.getByTestId('quiz-choice').first().check();
await student.getByTestId('quiz-submit').click();
await student.getByTestId('post-status').filter({ hasText: '이 기기에 저장했습니다' }).waitFor();
const kept = await student.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('seodang.outbox.')));
assert.equal(kept.length, 1, 'written down on the device');
await student.waitForTimeout(4_000);
assert.ok(puts >= 2, `tried again while away: ${puts}`);

// A reload in the middle of it, and then the network is back.
const sent = [];
await student.context().unroute(/\/v1\//);
student.on('request', (request) => {
  if (request.method() === 'PUT' && answers.test(request.url())) sent.push(request.url());
});
await student.reload();
await enter(student);
await student.getByTestId('toggle-activity').click();
await took('the answer arrives after the reload', () => student.locator('[data-testid=quiz][data-answered=true]').waitFor());
await student.waitForTimeout(1_500);
assert.equal(sent.length, 1, `one answer: ${sent}`);
assert.ok(sent[0].includes(kept[0].replace('seodang.outbox.', '')), 'under the id it was written down with');
assert.equal(
  await student.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('seodang.outbox.')).length),
  0,
);

// A hand, its place, and leave to speak.
await student.getByTestId('btn-hand').click();
await student.getByTestId('panel-activity').getByRole('button', { name: '닫기' }).click();
console.log('student:', await student.getByTestId('hand-place').textContent());
await teacher.getByTestId('toggle-people').click();
const raised = teacher.locator('[data-testid=hand][data-identity=a-me]');
await took('the hand is in the queue', () => raised.waitFor());
await raised.getByTestId('hand-allow').click();
await student.waitForFunction(() => document.querySelector('[data-testid=hand-place]') === null);

// Text is text.
await student.getByTestId('toggle-chat').click();
await student.getByTestId('chat-input').fill('<img src=x onerror="window.broken=1"> 안녕하세요');
await student.keyboard.press('Enter');
await teacher.getByTestId('toggle-chat').click();
await took('the message', () => teacher.getByTestId('chat-text').filter({ hasText: '안녕하세요' }).last().waitFor());
assert.equal(await teacher.evaluate(() => window.broken), undefined);

// Closed and revealed.
await teacher.getByTestId('toggle-activity').click();
await teacher.getByTestId('quiz-close').click();
await teacher.getByTestId('quiz-reveal').click();
await student.getByTestId('toggle-activity').click();
await took('the result', () => student.getByTestId('quiz-score').waitFor());
console.log('faults', faults);
assert.deepEqual(faults, []);
await browser.close();
