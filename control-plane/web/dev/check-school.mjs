// The school's pages on a real house, without sound and picture: an instructor opens a class, students find it, take it,
// ask and are answered. `seodang dev` first, then: BASE=<its web url> node dev/check-school.mjs
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { CHROMIUM } from './pages.mjs';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
const browser = await chromium.launch(CHROMIUM);
const run = Date.now().toString(36);

async function person(role, name) {
  const context = await browser.newContext({
    viewport: role === 'student' ? { width: 360, height: 740 } : { width: 1280, height: 800 },
    locale: 'ko-KR',
    timezoneId: 'Asia/Seoul',
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.log(`${name}: page error: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400)
      console.log(`${name}: ${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`);
  });
  const email = `${run}-${role}-${name.codePointAt(0)}@example.org`;
  await page.goto(`${base}/signup`);
  await page.getByTestId(`signup-role-${role}`).check({ force: true });
  await page.getByTestId('signup-name').fill(name);
  await page.getByTestId('signup-email').fill(email);
  await page.getByTestId('signup-password').fill('열려라참깨들깨!');
  await page.getByTestId('signup-submit').click();
  await page.getByTestId('dev-mail-code').click();
  await page.getByTestId('code-submit').click();
  await page.waitForURL(`${base}/`);
  return page;
}
const step = async (what, work) => {
  const began = Date.now();
  try {
    const value = await work();
    console.log(`ok      ${what} (${Date.now() - began} ms)`);
    return value;
  } catch (error) {
    console.log(`FAILED  ${what}\n        ${error.message.split('\n').slice(0, 5).join('\n        ')}`);
    process.exitCode = 1;
    return null;
  }
};
const said = (page, text) =>
  page.waitForFunction((part) => document.querySelector('[data-testid="announcer"]')?.textContent?.includes(part), text, {
    timeout: 8_000,
  });

const teacher = await step('an instructor signs up', () => person('instructor', '김묵향'));
const student = await step('a student signs up', () => person('student', '윤미나'));
const second = await step('another student signs up', () => person('student', '최서연'));
const id = await step('she opens a class for one, next summer, in Seoul', async () => {
  await teacher.goto(`${base}/desk/new`);
  await teacher.getByTestId('class-title').fill(`붓글씨 첫걸음 ${run}`);
  await teacher.getByTestId('class-description').fill('붓 잡는 법부터 <b>천천히</b>.');
  await teacher.getByTestId('class-category').selectOption('calligraphy');
  await teacher.getByTestId('class-date').fill('2027-07-01');
  await teacher.getByTestId('class-time').fill('19:30');
  await teacher.getByTestId('class-capacity').fill('1');
  await teacher.getByTestId('class-save').click();
  await teacher.getByTestId('leaf-edit').waitFor();
  return decodeURIComponent(teacher.url().split('/').at(-1));
});
await step('she adds a link and a file', async () => {
  await teacher
    .getByTestId('material-file')
    .setInputFiles({ name: '본보기.txt', mimeType: 'text/plain', buffer: Buffer.from('가로획') });
  await teacher.getByTestId('material').first().waitFor();
});
await step('the student finds it by half a word, once it is indexed', async () => {
  for (let tries = 0; ; tries++) {
    await student.goto(`${base}/search?q=${encodeURIComponent('붓글')}`);
    await student.getByTestId('search-count').waitFor();
    if (
      await student
        .locator(`[data-class-id="${id}"]`)
        .waitFor({ timeout: 2_000 })
        .then(
          () => true,
          () => false,
        )
    )
      break;
    assert.ok(tries < 5, 'not found');
  }
  await student.locator(`[data-class-id="${id}"] [data-testid="class-open"]`).click();
  await student.getByTestId('class-page').waitFor();
});
await step('she enrols and likes it; the next one waits', async () => {
  await student.getByTestId('enrol').click();
  await said(student, '마쳤습니다');
  await student.getByTestId('like').click();
  await second.goto(`${base}/class/${id}`);
  await second.getByTestId('enrol').click();
  await second.getByTestId('waiting-note').waitFor();
});
await step('her calendar takes it, the material opens', async () => {
  await student.reload();
  await student.getByTestId('material').waitFor();
  const [ics, file] = await student.evaluate(
    async (path) => [
      (await (await fetch(`${path}/calendar.ics`)).text()).slice(0, 15),
      (await fetch(document.querySelector('[data-testid="material"]').href)).status,
    ],
    `/v1/classes/${id}`,
  );
  assert.equal(ics, 'BEGIN:VCALENDAR');
  assert.equal(file, 200);
});
const thread = await step('she asks on the board', async () => {
  await student.getByTestId('to-board').click();
  await student.getByTestId('board-new').click();
  await student.getByTestId('thread-title').fill('붓은 어떻게 잡나요?');
  await student.getByTestId('thread-text').fill('자꾸 <i>기울어집니다</i>.');
  await student.getByTestId('thread-submit').click();
  await student.getByTestId('thread-page').waitFor();
  return student.url();
});
await step('the instructor answers, the student accepts', async () => {
  await teacher.goto(thread);
  await teacher.getByTestId('reply-text').fill('곧게 세워 보세요.');
  await teacher.getByTestId('reply-submit').click();
  await teacher.getByTestId('reply').waitFor();
  await student.reload();
  await student.getByTestId('accept').click();
  await student.locator('[data-testid="reply"][data-accepted="true"]').waitFor();
});
await step('one leaves, the next gets the place and is told', async () => {
  await student.goto(`${base}/class/${id}`);
  await student.getByTestId('leave').click();
  await student.getByTestId('leave-confirm').click();
  await said(student, '취소');
  await second.goto(`${base}/mine`);
  await second.getByTestId('mine-upcoming').waitFor();
  await second.goto(`${base}/notifications`);
  await second.locator('[data-testid="notification"][data-kind="place"]').waitFor({ timeout: 8_000 });
  await student.goto(`${base}/notifications`);
  await student.locator('[data-testid="notification"][data-kind="answer"]').waitFor({ timeout: 8_000 });
});
await step('a wish is made, and the demand board shows it', async () => {
  await student.goto(`${base}/wishes`);
  await student.getByTestId('wish-text').fill('해금 처음 배우기');
  await student.getByTestId('wish-time-weekday-evening').click();
  await student.getByTestId('wish-submit').click();
  await student.getByTestId('wish').waitFor();
  await teacher.goto(`${base}/demand`);
  await teacher.getByTestId('demand-wish').first().waitFor();
});
await step('a quiz is prepared; attendance and summary open', async () => {
  await teacher.goto(`${base}/desk/${id}/quizzes`);
  await teacher.getByTestId('quiz-new').waitFor();
  await teacher.goto(`${base}/desk/${id}/attendance`);
  await teacher.waitForFunction(() => !document.querySelector('[data-testid="loading"]'));
  assert.equal(await teacher.getByTestId('error-banner').count(), 0);
  await teacher.goto(`${base}/desk/${id}/summary`);
  await teacher.getByTestId('summary').waitFor();
});
await step('the profile is kept; the account can be erased', async () => {
  await student.goto(`${base}/me`);
  await student.getByTestId('profile-region').selectOption('jeju');
  await student.getByTestId('interest-calligraphy').click();
  await student.getByTestId('profile-save').click();
  await said(student, '저장');
  await student.reload();
  await student.locator('[data-testid="interest-calligraphy"][aria-pressed="true"]').waitFor();
  assert.equal(await student.getByTestId('profile-region').inputValue(), 'jeju');
  await student.getByTestId('erase-open').click();
  await student.getByTestId('erase-password').fill('열려라참깨들깨!');
  await student.getByTestId('erase-confirm').click();
  await student.waitForURL(`${base}/`);
  await student.getByTestId('nav-signin').waitFor();
});
await browser.close();
