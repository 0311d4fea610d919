import type { AttendanceEntry, Demand, Material, Notification, Reply, Summary, Thread, Wish } from '../src/api/contract';
import { DAY_MS, HOUR_MS, now, teacher } from './school-fixtures';

export const materials: Material[] = [
  { id: 'm1', title: '궁체 흘림 본보기.pdf', url: '/mock/form.pdf', bytes: 1_400_000 },
  { id: 'm2', title: '국립한글박물관 옛 편지', url: 'https://www.hangeul.go.kr/' },
];

export const threads: Thread[] = [
  {
    id: 't1',
    from: teacher('mina'),
    title: '가로획 끝이 자꾸 갈라집니다',
    text: '먹을 조금 묻히면 끝이 갈라지고, 많이 묻히면 번집니다. 어느 쪽을 먼저 고치면 좋을까요?',
    at_ms: now - 5 * HOUR_MS,
    minute_ms: 62_000,
    replies: 2,
    accepted: true,
  },
  {
    id: 't2',
    from: teacher('seoyeon'),
    title: '왼손잡이는 붓을 어떻게 잡나요?',
    text: '',
    at_ms: now - 26 * HOUR_MS,
    replies: 1,
    accepted: false,
  },
  {
    id: 't3',
    from: { id: 'x', name: '하늘' },
    title: '화선지는 어느 것이 좋은가요 <b>추천</b> 부탁드립니다',
    text: '동네 문구점에 두 가지가 있습니다.',
    at_ms: now - 3 * DAY_MS,
    replies: 0,
    accepted: false,
  },
];
export const replies: Reply[] = [
  {
    id: 'r1',
    from: teacher('seoyeon'),
    text: '저도 그랬는데 붓을 한 번 벼루에 훑고 쓰니 나아졌어요.',
    at_ms: now - 4 * HOUR_MS,
    instructor: false,
    accepted: false,
  },
  {
    id: 'r2',
    from: teacher('kim'),
    text: '먹의 양보다 붓을 거두는 때를 먼저 보세요.\n획을 마칠 때 붓끝을 모아 살짝 들어 올리면 갈라지지 않습니다. 1분 2초 장면에서 손목을 눈여겨보세요.',
    at_ms: now - 3 * HOUR_MS,
    instructor: true,
    accepted: true,
  },
];

export const attendance: AttendanceEntry[] = [
  {
    account: teacher('mina'),
    status: 'present',
    seconds: 3_420,
    share: 0.95,
    intervals: [
      { from_ms: now - DAY_MS, to_ms: now - DAY_MS + 1_700_000 },
      { from_ms: now - DAY_MS + 1_790_000, to_ms: now - DAY_MS + 3_600_000 },
    ],
  },
  {
    account: teacher('seoyeon'),
    status: 'late',
    seconds: 2_640,
    share: 0.73,
    intervals: [{ from_ms: now - DAY_MS + 960_000, to_ms: now - DAY_MS + 3_600_000 }],
  },
  {
    account: { id: 'y', name: '정하은' },
    status: 'present',
    seconds: 600,
    share: 0.17,
    intervals: [{ from_ms: now - DAY_MS, to_ms: now - DAY_MS + 600_000 }],
    corrected: { by: teacher('kim'), reason: '정전으로 끊김, 전화로 끝까지 들음', at_ms: now - 20 * HOUR_MS, was: 'partial' },
  },
  { account: teacher('junho'), status: 'absent', seconds: 0, share: 0, intervals: [] },
];

export const summary: Summary = {
  attendance: { present: 11, late: 2, partial: 1, absent: 2 },
  quizzes: [
    {
      id: 'q1',
      title: '획 살펴보기',
      answered: 14,
      replay: {
        answered: 2,
        items: [
          { text: '', correct_share: 0.5, choices: [{ text: '왼쪽으로 되돌림', n: 1 }, { text: '위로', n: 1 }] },
          { text: '', correct_share: 1, choices: [{ text: '逆入', n: 2 }] },
        ],
      },
      items: [
        {
          text: '가로획을 시작할 때 붓끝의 방향은?',
          correct_share: 0.82,
          choices: [
            { text: '왼쪽으로 되돌림', n: 11 },
            { text: '곧바로 오른쪽', n: 2 },
            { text: '위로', n: 1 },
          ],
        },
        {
          text: '‘역입’을 두 글자로 쓰면?',
          correct_share: 0.43,
          choices: [
            { text: '逆入', n: 6 },
            { text: '力入', n: 5 },
          ],
        },
      ],
    },
  ],
  rewound: [
    { minute: 3, n: 2 },
    { minute: 12, n: 9 },
    { minute: 13, n: 6 },
    { minute: 31, n: 4 },
    { minute: 47, n: 1 },
  ],
  left: [
    { minute: 22, n: 1 },
    { minute: 55, n: 2 },
  ],
  questions: [
    {
      id: 'u1',
      from: teacher('mina'),
      text: '붓을 세우면 자꾸 손이 떨려요.',
      at_ms: now,
      minute_ms: 760_000,
      replay: false,
      votes: 6,
      voted: false,
      state: 'answered',
    },
    {
      id: 'u2',
      from: null,
      text: '먹은 얼마나 갈아야 하나요?',
      at_ms: now,
      minute_ms: 1_400_000,
      replay: true,
      votes: 2,
      voted: false,
      state: 'open',
    },
  ],
  duration_ms: 3_600_000,
};

export const notifications: Notification[] = [
  {
    id: 'n1',
    kind: 'reminder',
    class: 'brush-hand',
    text_ko: '‘붓글씨 둘째 마당: 한글 궁체 흘림’ 수업이 한 시간 뒤에 시작합니다.',
    text_en: '“붓글씨 둘째 마당: 한글 궁체 흘림” starts in an hour.',
    at_ms: now - 300_000,
    read: false,
  },
  {
    id: 'n2',
    kind: 'answer',
    class: 'calligraphy-1',
    text_ko: '김묵향 선생님이 ‘가로획 끝이 자꾸 갈라집니다’에 답했습니다.',
    text_en: '김묵향 answered “가로획 끝이 자꾸 갈라집니다”.',
    at_ms: now - 3 * HOUR_MS,
    read: false,
  },
  {
    id: 'n3',
    kind: 'place',
    class: 'gayageum',
    text_ko: '‘가야금 첫걸음’에 자리가 났습니다. 이제 수강생입니다.',
    text_en: 'A seat is free in “가야금 첫걸음”: you are enrolled.',
    at_ms: now - 2 * DAY_MS,
    read: true,
  },
  {
    id: 'n4',
    kind: 'wish',
    class: 'gayageum',
    text_ko: '바라던 ‘처음 배우는 가야금’과 같은 수업이 열렸습니다.',
    text_en: 'A class like your wish “처음 배우는 가야금” has opened.',
    at_ms: now - 6 * DAY_MS,
    read: true,
  },
];

export const wishes: Wish[] = [
  {
    id: 'w1',
    text: '처음 배우는 가야금',
    category: 'music',
    level: 'beginner',
    language: '',
    times: ['weekday-evening'],
    region: '',
    at_ms: now - DAY_MS,
    matched: ['gayageum'],
  },
  {
    id: 'w2',
    text: '감귤 나무 가지치기',
    category: 'farming',
    level: 'any',
    language: '',
    times: ['weekend-morning', 'weekend-afternoon'],
    region: 'jeju',
    at_ms: now - DAY_MS,
    matched: [],
  },
];

export const demand: Demand = {
  wishes: [
    {
      topic: '감귤 나무 가지치기',
      n: 38,
      regions: { jeju: 31, mokpo: 5, busan: 2 },
      levels: { beginner: 20, any: 18 },
      times: { 'weekend-morning': 24, 'weekday-evening': 9 },
      weekly: [0, 1, 1, 2, 2, 1, 3, 4, 4, 6, 7, 7],
    },
    {
      topic: '어르신 휴대전화 쓰기',
      n: 26,
      regions: { gangneung: 9, chuncheon: 8, jeonju: 4 },
      levels: { beginner: 26 },
      times: { 'weekday-morning': 21 },
      weekly: [3, 2, 2, 3, 1, 2, 2, 3, 2, 2, 2, 2],
    },
    {
      topic: '고등 물리 실험',
      n: 14,
      regions: { seoul: 6, daegu: 5 },
      levels: { advanced: 9, intermediate: 5 },
      times: { 'weekday-evening': 12 },
      weekly: [3, 3, 2, 2, 1, 1, 1, 0, 1, 0, 0, 0],
    },
  ],
  searches: [
    { text: '해금', n: 57, found: 0, weekly: [2, 3, 2, 4, 5, 4, 5, 6, 5, 7, 7, 7] },
    { text: '토플 말하기', n: 22, found: 0, weekly: [4, 3, 3, 2, 2, 2, 1, 1, 2, 1, 0, 1] },
    { text: '양봉', n: 9, found: 0, weekly: [0, 0, 0, 0, 0, 1, 1, 0, 2, 1, 2, 2] },
  ],
  categories: [
    { id: 'farming', wishes: 44, searches: 19, classes: 1 },
    { id: 'music', wishes: 6, searches: 57, classes: 1 },
    { id: 'computing', wishes: 26, searches: 8, classes: 1 },
    { id: 'science', wishes: 14, searches: 3, classes: 1 },
  ],
};
