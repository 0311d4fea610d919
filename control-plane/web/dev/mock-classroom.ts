import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import type { Answers, ChatMessage, Class, LiveState, Me, Poll, Quiz, Tally } from '../src/api/contract';
import { classes } from './fixtures';
import { asked, chat, KEY, quiz, sceneOf, timeline } from './fixtures-classroom';

/**
 * What goes on in class, made up. The address of the page chooses: `?as=teacher|student|guest`, `?room=` empty, prepared,
 * quiz, short, answered, closed, revealed, poll, questions, away (the control plane does not answer), crowded.
 */
const ME = { teacher: { id: 'p0', name: '한가람' }, student: { id: 'a-me', name: '바람' } } as const;
const PATH = /^\/v1\/classes\/([^/]+)\/(live|quizzes|polls|chat|hand|hands|questions|controls|slide|timeline|watched)(?:\/(.*))?$/;

interface Room {
  live: LiveState;
  answers: Map<string, Answers>;
  listeners: Set<ServerResponse>;
}

const rooms = new Map<string, Room>();

export function mockClassroom(): Plugin {
  return {
    name: 'mock-classroom',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? '/', 'http://localhost');
        const page = new URL(request.headers.referer ?? 'http://localhost/');
        const as = page.searchParams.get('as');
        if (url.pathname === '/v1/me' && request.method === 'GET' && as) return me(response, as);
        if (url.pathname === '/mock-words') return listen(request, response, roomOf(page, url.searchParams.get('class') ?? ''));
        const detail = /^\/v1\/classes\/([^/]+)$/.exec(url.pathname);
        if (detail && request.method === 'GET' && as) return oneClass(response, detail[1] ?? '', as);
        if (url.pathname === '/v1/join') return json(response, joined(), 200);
        if (url.pathname === '/v1/edges')
          return json(response, {
            edges: [{ id: 'jeju-edge', draining: false, url: `http://${request.headers.host}/mock-edge` }],
          });
        if (url.pathname === '/mock-edge/probe') return json(response, {});
        const path = PATH.exec(url.pathname);
        if (!path) return next();
        void answer(request, response, page, path[1] ?? '', path[2] ?? '', path[3] ?? '');
      });
    },
  };
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(value === undefined ? 204 : status, { 'content-type': 'application/json' });
  response.end(value === undefined ? '' : JSON.stringify(value));
}

function me(response: ServerResponse, as: string): void {
  const who = as === 'teacher' ? ME.teacher : as === 'student' ? ME.student : null;
  const account = who && {
    ...who,
    role: as === 'teacher' ? 'instructor' : 'student',
    locale: 'ko',
    interests: [],
    created_at_ms: 0,
  };
  json(response, { account, csrf: 'x', unread: 0, oidc: [], dev: true } as Me);
}

function oneClass(response: ServerResponse, id: string, as: string): void {
  const found = classes.find((entry) => entry.id === decodeURIComponent(id));
  if (!found) return json(response, { code: 'class_not_found', message: 'There is no such class.' }, 404);
  const mine: Class['mine'] = { enrolment: as === 'teacher' ? 'none' : 'enrolled', liked: false, teaches: as === 'teacher' };
  json(response, { ...found, mine, recordings: [] });
}

const joined = () => ({
  edges: [{ id: 'jeju-edge', region: 'jeju', url: 'http://127.0.0.1:5173/mock-cdn', distance_km: 2, reason: 'nearest' }],
  token: 'x',
  identity: 'a-me',
  room: 'x',
  recorded: true,
});

function roomOf(page: URL, id: string): Room {
  const scene = page.searchParams.get('room') ?? '';
  const as = page.searchParams.get('as') ?? '';
  // A shared room lets two pages talk: `?room=shared`.
  const name =
    scene === 'shared'
      ? `shared ${page.searchParams.get('n') ?? ''} ${id}`
      : `${scene} ${as} ${page.searchParams.get('n') ?? ''} ${id}`;
  let room = rooms.get(name);
  if (!room) {
    const live: LiveState = {
      v: 1,
      at_ms: 0,
      quizzes: [],
      polls: [],
      hands:
        scene === 'empty'
          ? []
          : [
              { account: { id: 'p3', name: '서연' }, raised_at_ms: Date.now() - 40_000 },
              { account: { id: 'p2', name: '준호' }, raised_at_ms: Date.now() - 20_000 },
            ],
      questions: [asked('k0', '무릎 보호대를 꼭 해야 하나요?', 2)],
      chat: [
        chat(9, 'p1', '미나', '안녕하세요! 제주에서 들어왔어요.'),
        chat(7, 'p0', '한가람', '어서 오세요. 소리 잘 들리시나요?'),
        chat(5, 'p2', '준호', '네, 화면도 잘 보여요. 오늘 준비물에 수건도 있었나요? 물도 미리 챙기는 게 좋을까요?'),
        chat(3, 'p3', '<b>서연</b>', '<img src=x onerror=alert(1)> 태그도 글자로 보이네요'),
      ],
      spotlight: scene === 'spotlight' ? 'p1' : null,
      locked: scene === 'locked',
      slide: null,
      ...sceneOf(scene, as === 'teacher'),
    };
    room = { live, answers: new Map(), listeners: new Set() };
    rooms.set(name, room);
  }
  return room;
}

function listen(request: IncomingMessage, response: ServerResponse, room: Room): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write(':\n\n');
  room.listeners.add(response);
  request.on('close', () => room.listeners.delete(response));
}

function tell(room: Room, kind: string, rest: object): void {
  const word = JSON.stringify({ v: ++room.live.v, kind, ...rest });
  for (const listener of room.listeners) listener.write(`data: ${word}\n\n`);
}

const tally = (): Tally => ({
  answered: 14,
  enrolled_present: 19,
  items: { i1: { c1: 11, c2: 1, c3: 2 }, i2: { c1: 14, c2: 12, c3: 9, c4: 4 }, i3: { 기역: 6, 니은: 3, 모름: 2 } },
  correct: { i1: 11, i2: 8, i3: 6 },
  replay: { answered: 2, enrolled_present: 0, items: {}, correct: {} },
});

async function read(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  page: URL,
  id: string,
  noun: string,
  rest: string,
): Promise<void> {
  const room = roomOf(page, decodeURIComponent(id));
  const { live } = room;
  const teacher = page.searchParams.get('as') === 'teacher';
  const who = teacher ? ME.teacher : ME.student;
  const body = await read(request);
  const [part = '', verb = '', what = ''] = rest.split('/');
  const method = request.method ?? 'GET';
  if (page.searchParams.get('room') === 'away') return json(response, { code: 'store_unavailable', message: 'away' }, 503);
  const send = (value?: unknown, status = 200) => json(response, value, status);
  switch (noun) {
    case 'live':
      return send({ ...live, at_ms: Date.now(), quizzes: live.quizzes.filter((one) => teacher || one.state !== 'draft') });
    case 'timeline':
      return send({ items: timeline() });
    case 'watched':
    case 'controls': {
      if (body.do === 'spotlight') tell(room, 'spotlight', { spotlight: (live.spotlight = (body.identity as string) ?? null) });
      if (body.do === 'unspotlight') tell(room, 'spotlight', { spotlight: (live.spotlight = null) });
      if (body.do === 'lock' || body.do === 'unlock') tell(room, 'locked', { locked: (live.locked = body.do === 'lock') });
      return send(undefined);
    }
    case 'slide': {
      const { page, title = '붓 잡는 법.pdf', material = null } = body as { page: number; title?: string; material?: string };
      live.slide = method === 'PUT' ? { page, title, material, at_ms: Date.now() } : null;
      tell(room, 'slide', { slide: live.slide });
      return send(live.slide ?? undefined);
    }
    case 'hand': {
      live.hands = live.hands.filter((hand) => hand.account.id !== who.id);
      if (method === 'PUT') live.hands.push({ account: who, raised_at_ms: Date.now() });
      tell(room, 'hand', method === 'PUT' ? { hand: live.hands.at(-1) } : { account: who.id, up: false });
      return send(undefined);
    }
    case 'hands': {
      live.hands = live.hands.filter((hand) => hand.account.id !== part);
      tell(room, 'hand', { account: part, up: false });
      return send(undefined);
    }
    case 'chat': {
      if (method === 'POST') {
        const said: ChatMessage = { id: String(body.id), from: who, text: String(body.text), at_ms: Date.now() };
        live.chat.push(said);
        tell(room, 'chat', { chat: said });
        return send(said, 201);
      }
      const hidden = live.chat.find((one) => one.id === part);
      if (hidden) hidden.hidden = true;
      if (hidden) tell(room, 'chat', { chat: { id: part, hidden: true } });
      return method === 'GET' ? send({ items: [], next: null }) : send(undefined);
    }
    case 'questions': {
      if (method === 'POST') {
        const made = asked(String(body.id), String(body.text), 0, { from: who, at_ms: Date.now(), ...(body as object) });
        live.questions.push(made);
        tell(room, 'question', { question: made });
        return send(made, 201);
      }
      const known = live.questions.find((one) => one.id === part);
      if (!known) return send({ code: 'not_found', message: 'no such question' }, 404);
      if (verb === 'vote') known.votes += method === 'PUT' ? 1 : -1;
      else Object.assign(known, body);
      tell(room, 'question', { question: { id: known.id, votes: known.votes, state: known.state } });
      return send(verb === 'vote' ? undefined : known);
    }
    case 'polls': {
      const known = live.polls.find((one) => one.id === part);
      if (method === 'POST' && part === '') {
        const made: Poll = { ...(body as unknown as Poll), id: `v${live.polls.length + 7}`, state: 'draft' };
        live.polls.push(made);
        return send(made, 201);
      }
      if (!known) return send({ code: 'not_found', message: 'no such poll' }, 404);
      if (verb === 'open' || verb === 'close') {
        known.state = verb === 'open' ? 'open' : 'closed';
        if (verb === 'close') known.tally = { c1: 4, c2: 1, c3: 6 };
        tell(room, 'poll', { poll: known });
      }
      return send(known);
    }
    case 'quizzes':
      return quizzes(room, { method, part, verb, what, body, send, replay: page.pathname.startsWith('/replay') });
  }
}

interface QuizCall {
  method: string;
  part: string;
  verb: string;
  what: string;
  body: Record<string, unknown>;
  send: (value?: unknown, status?: number) => void;
  replay: boolean;
}

function quizzes(room: Room, { method, part, verb, what, body, send, replay }: QuizCall): void {
  const { live } = room;
  if (method === 'POST' && part === '') {
    const made: Quiz = { ...(body as unknown as Quiz), id: `q${live.quizzes.length + 7}`, state: 'draft' };
    live.quizzes.push(made);
    return send(made, 201);
  }
  const known = live.quizzes.find((one) => one.id === part) ?? (replay ? quiz({ id: part, state: 'revealed' }) : undefined);
  if (!known) return send({ code: 'not_found', message: 'no such quiz' }, 404);
  if (method === 'DELETE') {
    live.quizzes = live.quizzes.filter((one) => one !== known);
    return send();
  }
  if (verb === 'tally') return send(tally());
  if (verb === 'answers') {
    const answers = body.answers as Answers;
    if (room.answers.has(part) && room.answers.get(part) !== answers && !what)
      return send({ code: 'already_answered', message: 'already' }, 409);
    room.answers.set(part, answers);
    const correct = Object.fromEntries(
      known.items.map((item) => [item.id, JSON.stringify([...(answers[item.id] ?? [])].sort()) === JSON.stringify(KEY[item.id])]),
    );
    const mine = replay ? { answers, correct, score: 0.5 } : { answers };
    known.mine = mine;
    return send({ received_at_ms: Date.now(), counted: !replay, mine });
  }
  const state = { open: 'open', close: 'closed', reveal: 'revealed' }[verb] as Quiz['state'] | undefined;
  if (state) {
    known.state = state;
    if (state === 'open') {
      known.opened_at_ms = Date.now();
      if (known.time_limit_s) known.closes_at_ms = Date.now() + known.time_limit_s * 1000;
    }
    const { key: _key, ...open } = known;
    tell(room, 'quiz', { quiz: open });
  } else Object.assign(known, body);
  send(known);
}
