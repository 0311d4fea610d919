// The pages around the classroom, for screenshots and for the accessibility check: path, who is signed in, what to do there.
const open = (testid) => (page) => page.getByTestId(testid).first().click();
const menu = open('nav-menu');

export const pages = {
  home: { path: '/' },
  'home-mina': { path: '/', as: 'mina' },
  'home-empty': { path: '/?mock=empty' },
  'home-broken': { path: '/?mock=broken' },
  'home-menu': { path: '/', as: 'kim', act: menu },
  search: { path: '/search' },
  'search-suggest': {
    path: '/search',
    act: async (page) => {
      await page.getByTestId('search-input').fill('붓글');
      await page.getByTestId('suggestion').first().waitFor();
      await page.keyboard.press('ArrowDown');
    },
  },
  'search-found': { path: '/search?q=%EB%B6%93%EA%B8%80&when=upcoming', as: 'mina' },
  'search-none': { path: '/search?q=%ED%95%B4%EA%B8%88&level=beginner' },
  class: { path: '/class/brush-hand' },
  'class-mina': { path: '/class/brush-hand', as: 'mina' },
  'class-live': { path: '/class/pole-flower', as: 'mina' },
  'class-full': { path: '/class/gayageum', as: 'seoyeon' },
  'class-waiting': { path: '/class/gayageum', as: 'mina' },
  'class-ended': { path: '/class/calligraphy-1', as: 'mina' },
  'class-zone': { path: '/class/poems', as: 'mina' },
  'class-teacher': { path: '/class/brush-hand', as: 'kim' },
  'class-leave': { path: '/class/brush-hand', as: 'mina', act: open('leave') },
  'class-missing': { path: '/class/none' },
  signin: { path: '/signin' },
  'signin-wrong': {
    path: '/signin',
    act: async (page) => {
      await page.getByTestId('signin-email').fill('mina@example.kr');
      await page.getByTestId('signin-password').fill('wrong');
      await page.getByTestId('signin-submit').click();
    },
  },
  signup: { path: '/signup' },
  'signup-invalid': { path: '/signup', act: open('signup-submit') },
  'signup-code': {
    path: '/signup',
    act: async (page) => {
      await page.getByTestId('signup-name').fill('윤미나');
      await page.getByTestId('signup-email').fill('mina@example.kr');
      await page.getByTestId('signup-password').fill('열자가넘는비밀번호입니다');
      await page.getByTestId('signup-submit').click();
      await page.getByTestId('dev-mail-code').click();
    },
  },
  password: { path: '/password' },
  me: { path: '/me', as: 'mina' },
  'me-erase': { path: '/me', as: 'mina', act: open('erase-open') },
  'me-signed-out': { path: '/me' },
  mine: { path: '/mine', as: 'mina' },
  'mine-empty': { path: '/mine?mock=empty', as: 'mina' },
  notifications: { path: '/notifications', as: 'mina' },
  'notifications-empty': { path: '/notifications?mock=empty', as: 'mina' },
  wishes: { path: '/wishes', as: 'mina' },
  board: { path: '/class/calligraphy-1/board', as: 'mina' },
  'board-new': { path: '/class/calligraphy-1/board?minute_ms=62000', as: 'mina' },
  'board-empty': { path: '/class/calligraphy-1/board?mock=empty', as: 'mina' },
  thread: { path: '/class/calligraphy-1/board/t1', as: 'mina' },
  desk: { path: '/desk', as: 'kim' },
  'desk-empty': { path: '/desk?mock=empty', as: 'kim' },
  'desk-student': { path: '/desk', as: 'mina' },
  'desk-new': { path: '/desk/new', as: 'kim' },
  'desk-invalid': { path: '/desk/new', as: 'kim', act: open('class-save') },
  'desk-class': { path: '/desk/brush-hand', as: 'kim' },
  'desk-edit': { path: '/desk/brush-hand/edit', as: 'kim' },
  'desk-quizzes': { path: '/desk/brush-hand/quizzes?room=prepared', as: 'kim' },
  attendance: { path: '/desk/calligraphy-1/attendance', as: 'kim' },
  'attendance-correct': { path: '/desk/calligraphy-1/attendance', as: 'kim', act: open('correct') },
  summary: { path: '/desk/calligraphy-1/summary', as: 'kim' },
  demand: { path: '/demand', as: 'kim' },
  'demand-empty': { path: '/demand?mock=empty', as: 'kim' },
  'desk-broken': { path: '/desk?mock=broken', as: 'kim' },
  admin: { path: '/admin', as: 'admin' },
  lost: { path: '/nowhere/at/all' },
};

export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
};

/** A page of the mock as somebody sees it. `look`: language, scheme, width, height, zone. */
export async function visit(
  browser,
  base,
  { path, as, act },
  { language = 'ko', dark = false, width = 1280, height = 800, zone = 'Asia/Seoul' } = {},
) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    hasTouch: width < 600,
    timezoneId: zone,
    locale: language === 'ko' ? 'ko-KR' : 'en-GB',
    reducedMotion: 'reduce',
  });
  if (as) await context.addCookies([{ name: 'mock_as', value: as, url: base }]);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (4|5)\d\d/.test(message.text())) page.faults.push(message.text());
  });
  await page.goto(`${base}${path}${path.includes('?') ? '&' : '?'}lang=${language}`);
  await page
    .waitForFunction(() => !document.querySelector('[data-testid="loading"]'), null, { timeout: 8_000 })
    .catch(() => page.faults.push('still loading'));
  await page.waitForTimeout(150);
  if (act) await act(page).catch((error) => page.faults.push(error.message.split('\n')[0]));
  await page.waitForTimeout(250);
  return page;
}
