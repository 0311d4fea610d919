// Two people on a real house, through the pages: `seodang dev`, then `SEODANG_API=<web url> npm run dev`, then this.
// Prints what each sees; writes dev/shots/real-*.png.
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const base = process.env.BASE ?? 'http://127.0.0.1:5173';
mkdirSync(new URL('shots/', import.meta.url), { recursive: true });
const shot = (page, name) => page.screenshot({ path: new URL(`shots/real-${name}.png`, import.meta.url).pathname });
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
    '--allow-loopback-in-peer-connection',
    '--auto-select-desktop-capture-source=Entire screen',
    '--autoplay-policy=no-user-gesture-required',
  ],
});
async function person(name, role, region, viewport) {
  const context = await browser.newContext({ viewport, permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.log(name, 'page error:', error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) console.log(name, message.type(), message.text().slice(0, 300));
  });
  await page.goto(`${base}/class/${lesson.id}?name=${encodeURIComponent(name)}&role=${role}&region=${region}`);
  await page.getByTestId('join-submit').click();
  const start = Date.now();
  await page.waitForFunction(() => window.__seodang?.room?.state === 'connected', null, { timeout: 20_000 });
  console.log(name, 'connected after', Date.now() - start, 'ms to', await page.evaluate(() => window.__seodang.edge()));
  return page;
}
const stats = (page) =>
  page.evaluate(async () => {
    const { phase, edge, measure, tracks } = await window.__seodang.stats();
    return JSON.stringify(
      {
        phase,
        edge,
        measure,
        tracks: tracks.map(
          (t) =>
            `${t.direction} ${t.identity.slice(0, 6)} ${t.source} ${t.rid ?? ''} ${t.codec} ${t.width ?? ''}x${t.height ?? ''} frames ${t.frames_decoded ?? '-'} bytes ${t.bytes} lost ${t.packets_lost}`,
        ),
      },
      null,
      1,
    );
  });
const recorded = process.argv.includes('--recorded');
const lesson = await (
  await fetch(`${base}/v1/classes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: '붓글씨 첫걸음', instructor: '김묵향', description: '', recorded }),
  })
).json();
const teacher = await person('김묵향', 'instructor', 'seoul', { width: 1280, height: 800 });
const student = await person('미나', 'student', 'jeju', { width: 360, height: 740 });
await student.waitForTimeout(4_000);
console.log('teacher', await stats(teacher));
console.log('student', await stats(student));
await student.getByTestId('toggle-chat').click();
await student.getByTestId('chat-input').fill('제주에서 인사드려요!');
await student.getByTestId('chat-send').click();
await student
  .getByTestId('btn-hand')
  .click({ force: true })
  .catch((error) => console.log(error.message.split('\n')[0]));
await teacher.waitForTimeout(1_200);
await shot(teacher, 'news');
await teacher.getByTestId('toggle-people').click();
console.log(
  'teacher sees',
  await teacher
    .getByTestId('person')
    .evaluateAll((all) =>
      all.map((p) => `${p.innerText.replace(/\n/g, ' ')} hand=${p.dataset.hand} muted=${p.dataset.muted} ${p.dataset.quality}`),
    ),
);
await shot(teacher, 'people');
await shot(student, 'student-chat');
await student.keyboard.press('Escape');
await teacher.getByTestId('btn-screen').click();
await teacher.waitForTimeout(3_500);
await shot(student, 'student-screen');
await shot(teacher, 'teacher-screen');
await teacher.getByTestId('btn-mic').click();
await teacher.getByTestId('btn-camera').click();
await student.waitForTimeout(1_500);
console.log(
  'student after the teacher muted',
  await student
    .getByTestId('tile')
    .evaluateAll((all) => all.map((t) => `${t.dataset.kind} ${t.innerText.replace(/\n/g, ' ')} camera=${t.dataset.camera}`)),
);
await teacher.getByTestId('btn-mic').click();
await teacher.getByTestId('btn-camera').click();
await teacher.waitForTimeout(2_500);
console.log('student', await stats(student));
if (process.env.PAUSE) await student.waitForTimeout(Number(process.env.PAUSE));
await shot(student, 'student-end');
await student.evaluate(() => window.__seodang.room.simulateScenario('signal-reconnect'));
for (let round = 0; round < 6; round++) {
  await student.waitForTimeout(400);
  console.log(
    'signal-reconnect',
    await student.evaluate(() => `${window.__seodang.session.view().phase.name} ${window.__seodang.room.state}`),
  );
}
await student.evaluate(() => window.__seodang.room.simulateScenario('full-reconnect'));
for (let round = 0; round < 8; round++) {
  await student.waitForTimeout(500);
  console.log(
    'full-reconnect',
    await student.evaluate(() => `${window.__seodang.session.view().phase.name} ${window.__seodang.room.state}`),
  );
}
await teacher.waitForTimeout(1_500);
console.log('student', await stats(student));
await teacher.getByTestId('btn-leave').click();
await shot(teacher, 'left');
console.log(lesson.id);
await browser.close();
