import type { Answers, ChatMessage, ClassEvent, LiveState, Poll, Question, Quiz } from '../src/api/contract';

export const quiz = (change: Partial<Quiz> = {}): Quiz => ({
  id: 'q1',
  title: '첫 회전 되짚기',
  time_limit_s: 60,
  state: 'open',
  opened_at_ms: Date.now() - 18_000,
  closes_at_ms: Date.now() + 42_000,
  minute_ms: 31_000,
  items: [
    {
      id: 'i1',
      kind: 'single',
      text: '돌기 시작할 때 먼저 정하는 것은 무엇인가요?',
      choices: [
        { id: 'c1', text: '손의 높이' },
        { id: 'c2', text: '음악의 빠르기' },
        { id: 'c3', text: '발끝의 방향' },
      ],
    },
    {
      id: 'i2',
      kind: 'multiple',
      text: '안전을 위해 꼭 확인할 것을 모두 골라 주세요.',
      choices: [
        { id: 'c1', text: '폴의 고정 상태' },
        { id: 'c2', text: '바닥의 물기' },
        { id: 'c3', text: '옆 사람과의 거리' },
        { id: 'c4', text: '거울의 위치' },
      ],
    },
  ],
  ...change,
});
export const KEY: Answers = { i1: ['c1'], i2: ['c1', 'c2', 'c3'], i3: ['기역', 'ㄱ'] };
const OWN: Answers = { i1: ['c1'], i2: ['c1', 'c2'] };
const shortItem = { id: 'i3', kind: 'short' as const, text: '가로획의 처음을 무엇이라 부르나요?', choices: [] };

export const chat = (at: number, id: string, name: string, text: string): ChatMessage => ({
  id: `m${at}`,
  from: { id, name },
  text,
  at_ms: Date.now() - at * 20_000,
});
export const asked = (id: string, text: string, votes: number, change: Partial<Question> = {}): Question => ({
  id,
  text,
  votes,
  voted: false,
  from: { id: 'p1', name: '미나' },
  at_ms: Date.now() - 60_000,
  replay: false,
  state: 'open',
  ...change,
});
export const poll = (change: Partial<Poll> = {}): Poll => ({
  id: 'v1',
  question: '다음 시간에는 무엇을 해 볼까요?',
  choices: [
    { id: 'c1', text: '반대 방향 회전' },
    { id: 'c2', text: '두 사람 동작' },
    { id: 'c3', text: '오늘 것 한 번 더' },
  ],
  multiple: false,
  anonymous: true,
  state: 'open',
  ...change,
});

/** A class in the state a scene wants. */
export function sceneOf(scene: string, teacher: boolean): Partial<LiveState> {
  const key = teacher ? { key: KEY } : {};
  switch (scene) {
    case 'prepared':
      return {
        quizzes: [
          quiz({ state: 'draft', ...key }),
          quiz({ id: 'q2', title: '손 모양 확인', state: 'draft', time_limit_s: null, items: [shortItem], ...key }),
        ],
        polls: [poll({ state: 'draft' })],
      };
    case 'quiz':
      return { quizzes: [quiz(key)] };
    case 'short':
      return { quizzes: [quiz({ ...key, items: [shortItem], closes_at_ms: Date.now() + 9_000 })] };
    case 'answered':
      return { quizzes: [quiz({ ...key, mine: { answers: OWN } })] };
    case 'closed':
      return { quizzes: [quiz({ ...key, state: 'closed', mine: { answers: OWN } })] };
    case 'revealed':
      return {
        quizzes: [
          quiz({
            state: 'revealed',
            key: KEY,
            ...(teacher ? {} : { mine: { answers: OWN, correct: { i1: true, i2: false }, score: 0.5 } }),
          }),
        ],
        polls: [poll({ state: 'closed', tally: { c1: 7, c2: 3, c3: 11 } })],
      };
    case 'poll':
      return { polls: [poll(teacher ? { tally: { c1: 4, c2: 1, c3: 6 } } : {})] };
    case 'questions':
      return {
        questions: [
          asked('k1', '팔꿈치를 펴는 게 맞나요, 살짝 굽히는 게 맞나요?', 7),
          asked('k2', '왼손잡이는 반대로 해도 되나요?', 3, { voted: true, from: null }),
          asked('k3', '준비 운동은 얼마나 하면 좋을까요?', 5, { state: 'answered', answer: '10분 정도, 어깨부터 풀어 주세요.' }),
        ],
      };
    default:
      return {};
  }
}

/** What the class of the replay held, by class time. */
export function timeline(): ClassEvent[] {
  const { id, title, items, time_limit_s } = quiz();
  return [
    { at_ms: 5_000, kind: 'chat', data: { id: 't1', from: { id: 'p1', name: '미나' }, text: '안녕하세요!' } },
    {
      at_ms: 21_000,
      kind: 'chat',
      data: { id: 't2', from: { id: 'p1', name: '미나' }, text: '획을 그을 때 손목을 세우나요, 눕히나요?' },
    },
    {
      at_ms: 24_000,
      kind: 'chat',
      data: { id: 't3', from: { id: 'p0', name: '김묵향' }, text: '처음에는 세우고, 끝에서 살짝 눕혀 주세요.' },
    },
    { at_ms: 31_000, kind: 'quiz', data: { id, title, items, time_limit_s, state: 'revealed', minute_ms: 31_000 } },
    {
      at_ms: 40_000,
      kind: 'question',
      data: { id: 'k9', from: { id: 'p2', name: '준호' }, text: '먹은 얼마나 진해야 하나요?', votes: 2 },
    },
    { at_ms: 48_000, kind: 'poll', data: { ...poll({ state: 'closed', tally: { c1: 7, c2: 3, c3: 11 } }), minute_ms: 48_000 } },
    { at_ms: 52_000, kind: 'hand', data: { account: { id: 'p2', name: '준호' } } },
  ];
}
