import type { Account, Category, Class } from '../src/api/contract';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const now = Date.now();
/** A round hour some days from now: fixtures look like a timetable. */
const at = (days: number, hour: number) => Math.floor((now + days * DAY_MS) / DAY_MS) * DAY_MS + (hour - 9) * HOUR_MS;

export const categories: Category[] = [
  { id: 'calligraphy', ko: '서예', en: 'Calligraphy' },
  { id: 'music', ko: '음악', en: 'Music' },
  { id: 'math', ko: '수학', en: 'Mathematics' },
  { id: 'language', ko: '말과 글', en: 'Languages' },
  { id: 'movement', ko: '몸과 춤', en: 'Movement' },
  { id: 'craft', ko: '손재주', en: 'Crafts' },
  { id: 'cooking', ko: '요리', en: 'Cooking' },
  { id: 'farming', ko: '농사', en: 'Farming' },
  { id: 'computing', ko: '컴퓨터', en: 'Computing' },
  { id: 'science', ko: '과학', en: 'Science' },
];

const person = (id: string, name: string, role: Account['role'], more: Partial<Account> = {}): Account => ({
  id,
  name,
  role,
  email: `${id}@example.kr`,
  locale: 'ko',
  interests: [],
  created_at_ms: now - 40 * DAY_MS,
  ...more,
});
export const accounts: Account[] = [
  person('mina', '윤미나', 'student', { region: 'jeju', interests: ['calligraphy', 'music'] }),
  person('kim', '김묵향', 'instructor', { region: 'seoul', interests: ['calligraphy'] }),
  person('han', '한가람', 'instructor', { created_at_ms: now - 90 * DAY_MS }),
  person('ruth', 'Ruth Adeyemi', 'instructor', { locale: 'en' }),
  person('oh', '오세훈', 'instructor'),
  person('admin', '박관리', 'admin'),
  person('junho', '이준호', 'student', { disabled: true }),
  person('seoyeon', '최서연', 'student', { created_at_ms: now - 2 * HOUR_MS }),
];
export const teacher = (id: string) => {
  const found = accounts.find((account) => account.id === id);
  return { id, name: found?.name ?? id };
};

const blank = {
  description: '',
  level: 'any',
  language: 'ko',
  duration_min: 60,
  time_zone: 'Asia/Seoul',
  capacity: null,
  recorded: true,
  replay: null,
  has_replay: false,
  enrolled: 0,
  waiting: 0,
  likes: 0,
  locked: false,
  mine: { enrolment: 'none', liked: false, teaches: false },
} satisfies Partial<Class>;
type Sketch = Pick<Class, 'id' | 'title' | 'category' | 'state'> & Partial<Class>;
const lesson = (sketch: Sketch, by: string): Class => ({
  ...blank,
  starts_at_ms: null,
  created_at_ms: now - 5 * DAY_MS,
  instructor: teacher(by),
  ...sketch,
});

export const classes: Class[] = [
  lesson(
    {
      id: 'pole-flower',
      title: '폴 댄스 기초: 첫 회전',
      description: '아침 일곱 시, 몸을 깨우는 한 시간. 처음 오신 분도 괜찮습니다.',
      category: 'movement',
      level: 'beginner',
      state: 'live',
      starts_at_ms: now - 25 * 60_000,
      enrolled: 19,
      likes: 42,
    },
    'han',
  ),
  lesson(
    {
      id: 'flowers',
      title: '계절 꽃꽂이',
      category: 'craft',
      state: 'live',
      starts_at_ms: now - 10 * 60_000,
      enrolled: 7,
      likes: 8,
      recorded: false,
      capacity: 12,
    },
    'han',
  ),
  lesson(
    {
      id: 'brush-hand',
      title: '붓글씨 둘째 마당: 한글 궁체 흘림',
      description:
        '가로획과 세로획을 익힌 분과 함께 궁체 흘림으로 넘어갑니다. 획과 획을 잇는 숨, 글자의 기울기, 줄의 흐름을 봅니다.\n\n준비물: 세필과 중필 한 자루씩, 먹, 화선지 스무 장. 화상으로 손을 비출 수 있게 휴대전화 받침대가 있으면 좋습니다.\n\n수업 끝 십 분은 각자 쓴 것을 돌려 보며 이야기합니다.',
      category: 'calligraphy',
      level: 'intermediate',
      state: 'upcoming',
      starts_at_ms: at(2, 19.5),
      duration_min: 90,
      capacity: 12,
      enrolled: 9,
      likes: 31,
    },
    'kim',
  ),
  lesson(
    {
      id: 'quiz',
      title: '중학 수학 3단원 되짚기',
      description: '문제를 함께 풀고 질문을 받습니다. 연습장과 연필을 준비해 주세요.',
      category: 'math',
      level: 'intermediate',
      state: 'upcoming',
      starts_at_ms: at(1, 17),
      enrolled: 24,
      likes: 12,
    },
    'oh',
  ),
  lesson(
    {
      id: 'gayageum',
      title: '가야금 첫걸음',
      description: '줄을 고르는 법부터 짧은 가락 하나까지.',
      category: 'music',
      level: 'beginner',
      state: 'upcoming',
      starts_at_ms: at(3, 20),
      capacity: 8,
      enrolled: 8,
      waiting: 3,
      likes: 27,
    },
    'han',
  ),
  lesson(
    {
      id: 'kimchi',
      title: '겨울 김장, 집집이 다른 손맛',
      category: 'cooking',
      state: 'upcoming',
      starts_at_ms: at(6, 10),
      enrolled: 41,
      likes: 66,
    },
    'han',
  ),
  lesson(
    {
      id: 'poems',
      title: 'Reading aloud: three short poems for a cold evening',
      description: 'We read, slowly, and talk about how the lines sound.',
      category: 'language',
      language: 'en',
      state: 'upcoming',
      starts_at_ms: at(4, 21),
      time_zone: 'Europe/London',
      enrolled: 5,
      likes: 4,
    },
    'ruth',
  ),
  lesson(
    { id: 'open-desk', title: '고추 모종, 무엇이든 물어보세요', category: 'farming', state: 'upcoming', enrolled: 3, likes: 2 },
    'oh',
  ),
  lesson(
    {
      id: 'calligraphy-1',
      title: '붓글씨 첫걸음: 가로획과 세로획',
      description: '붓 잡는 법부터 획의 처음과 끝까지. 먹과 화선지를 준비해 주세요.',
      category: 'calligraphy',
      level: 'beginner',
      state: 'ended',
      starts_at_ms: now - DAY_MS,
      replay: '/calligraphy-1/RM_mock/manifest.json',
      has_replay: true,
      enrolled: 14,
      likes: 58,
    },
    'kim',
  ),
  lesson(
    {
      id: 'english',
      title: 'Python, gently: your first hundred lines',
      category: 'computing',
      language: 'en',
      level: 'beginner',
      state: 'ended',
      starts_at_ms: now - 2 * DAY_MS,
      enrolled: 11,
      likes: 9,
    },
    'ruth',
  ),
  lesson(
    {
      id: 'stars',
      title: '맨눈으로 읽는 겨울 별자리',
      category: 'science',
      state: 'ended',
      starts_at_ms: now - 3 * DAY_MS,
      replay: '/calligraphy-1/RM_mock/manifest.json',
      has_replay: true,
      enrolled: 33,
      likes: 71,
    },
    'oh',
  ),
];
