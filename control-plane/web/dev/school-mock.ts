import type { IncomingMessage } from 'node:http';
import type { Account, Class, Me, Wish } from '../src/api/contract';
import * as fixtures from './school-fixtures';
import * as records from './school-records';

const data = { ...fixtures, ...records };

/** What a call answers: a status and a body, `undefined` for none. */
export interface Answer {
  status: number;
  body?: unknown;
  cookie?: string;
}

const ok = (body: unknown, status = 200): Answer => ({ status, body });
const none: Answer = { status: 204 };
const refuse = (status: number, code: string, message: string): Answer => ({ status, body: { code, message } });
const list = (items: unknown[]) => ok({ items, next: null });
const CODE = '042170';

/** Who asks: the cookie `mock_as` names an account; signing in sets it. */
function whoAsks(request: IncomingMessage): Account | null {
  const id = /mock_as=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  return data.accounts.find((account) => account.id === id) ?? null;
}

const enrolments = new Map<string, Class['mine']['enrolment']>([
  ['mina brush-hand', 'enrolled'],
  ['mina calligraphy-1', 'enrolled'],
  ['mina pole-flower', 'enrolled'],
  ['mina gayageum', 'waiting'],
]);
const liked = new Set(['mina calligraphy-1']);

function seenBy(entry: Class, who: Account | null): Class {
  const key = `${who?.id} ${entry.id}`;
  const enrolment = enrolments.get(key) ?? 'none';
  return {
    ...entry,
    mine: {
      enrolment,
      liked: liked.has(key),
      teaches: who?.id === entry.instructor.id,
      ...(enrolment === 'waiting' ? { position: 2 } : {}),
    },
  };
}

interface Asked {
  method: string;
  url: URL;
  who: Account | null;
  body: Record<string, unknown>;
  empty: boolean;
}

/** The school's part of the control plane; `null`: not its path. */
export function answerSchool(request: IncomingMessage, url: URL, text: string, empty: boolean): Answer | null {
  const asked: Asked = { method: request.method ?? 'GET', url, who: whoAsks(request), body: parse(text), empty };
  return people(asked) ?? catalogue(asked) ?? ofClass(asked) ?? discover(asked);
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text || '{}') as Record<string, unknown>;
  } catch {
    return {};
  }
}

function people({ method, url, who, body, empty }: Asked): Answer | null {
  const call = `${method} ${url.pathname}`;
  const as = (account: Account | undefined, status = 200): Answer =>
    account
      ? { status, body: { account }, cookie: `mock_as=${account.id}; Path=/; SameSite=Lax` }
      : refuse(401, 'wrong_credentials', 'The address or the password is wrong.');
  switch (call) {
    case 'GET /v1/me': {
      const unread = empty ? 0 : data.notifications.filter((entry) => !entry.read).length;
      return ok({ account: who, csrf: 'mock', unread: who ? unread : 0, oidc: ['Kakao', 'Google'], dev: true } satisfies Me);
    }
    case 'PATCH /v1/me':
      if (who) Object.assign(who, body);
      return ok({ account: who });
    case 'DELETE /v1/me':
      return body.password === 'wrong'
        ? refuse(401, 'wrong_credentials', '')
        : { ...none, cookie: 'mock_as=; Path=/; Max-Age=0' };
    case 'POST /v1/session':
      return as(data.accounts.find((account) => account.email === body.email && body.password !== 'wrong'));
    case 'DELETE /v1/session':
      return { ...none, cookie: 'mock_as=; Path=/; Max-Age=0' };
    case 'POST /v1/accounts':
      return ok({ ticket: 'mock' }, 202);
    case 'POST /v1/password/forgotten':
      return ok({}, 202);
    case 'POST /v1/accounts/confirm':
      return body.code === CODE ? as(data.accounts[0]) : refuse(422, 'wrong_code', 'The code is wrong.');
    case 'POST /v1/password':
      return body.code === CODE ? none : refuse(422, 'wrong_code', 'The code is wrong.');
    case 'GET /v1/dev/mail':
      return list([
        {
          to: url.searchParams.get('to'),
          subject: '서당 확인 번호',
          text: `확인 번호는 ${CODE} 입니다.\n30분 안에 적어 주세요.`,
          at_ms: Date.now(),
        },
      ]);
    case 'GET /v1/me/notifications':
      return list(empty ? [] : data.notifications);
    case 'PUT /v1/me/notifications/read':
      return none;
    case 'GET /v1/admin/accounts': {
      const q = url.searchParams.get('q') ?? '';
      return list(data.accounts.filter((account) => `${account.name}${account.email}`.includes(q)));
    }
  }
  const account = /^PATCH \/v1\/admin\/accounts\/(\w+)$/.exec(call)?.[1];
  if (!account) return null;
  const found = data.accounts.find((known) => known.id === account);
  return ok(Object.assign({ ...found }, body));
}

function catalogue({ method, url, who, body, empty }: Asked): Answer | null {
  const all = empty ? [] : data.classes.map((entry) => seenBy(entry, who));
  switch (`${method} ${url.pathname}`) {
    case 'GET /v1/categories':
      return ok({ items: data.categories });
    case 'GET /v1/classes':
      return list(find(all, url.searchParams));
    case 'POST /v1/classes': {
      if (!who) return refuse(401, 'not_signed_in', 'Sign in.');
      const made = {
        ...(data.classes[0] as Class),
        replay: null,
        has_replay: false,
        enrolled: 0,
        likes: 0,
        id: `new-${data.classes.length}`,
        state: 'upcoming',
        ...body,
      } as Class;
      data.classes.push({ ...made, category: made.category || 'craft', instructor: { id: who.id, name: who.name } });
      return ok(seenBy(made, who), 201);
    }
    case 'GET /v1/me/classes':
      return ok({
        enrolled: all.filter((entry) => entry.mine.enrolment === 'enrolled'),
        waiting: all.filter((entry) => entry.mine.enrolment === 'waiting'),
        teaching: all.filter((entry) => entry.mine.teaches),
      });
    case 'GET /v1/recommendations':
      return ok({
        items: all.slice(2, 8).map((entry, index) => ({
          class: entry,
          reason:
            index % 2 === 0
              ? { ko: '‘붓글씨 첫걸음’을 들은 사람들이 함께 들었습니다', en: 'Taken by people who took “붓글씨 첫걸음”' }
              : { ko: '관심 분야: 음악', en: 'One of your interests: Music' },
        })),
      });
    case 'GET /v1/search/suggest': {
      const q = url.searchParams.get('q') ?? '';
      const items = [
        ...data.categories.filter(({ ko }) => ko.includes(q)).map(({ ko }) => ({ text: ko, kind: 'category' })),
        ...all.filter(({ title }) => title.includes(q)).map(({ title }) => ({ text: title, kind: 'class' })),
        ...data.accounts
          .filter(({ name, role }) => role === 'instructor' && name.includes(q))
          .map(({ name }) => ({ text: name, kind: 'instructor' })),
      ];
      return ok({ items: items.slice(0, 8) });
    }
  }
  return null;
}

function find(all: Class[], query: URLSearchParams): Class[] {
  const when = query.get('when');
  const is = (name: 'category' | 'level' | 'language', entry: Class) => !query.get(name) || query.get(name) === entry[name];
  return all
    .filter((entry) => `${entry.title}${entry.instructor.name}`.includes(query.get('q') ?? ''))
    .filter((entry) => is('category', entry) && is('level', entry) && is('language', entry))
    .filter((entry) => !when || (when === 'replay' ? entry.replay !== null : entry.state === when))
    .slice(0, Number(query.get('limit') ?? 24));
}

function discover({ method, url, who, body, empty }: Asked): Answer | null {
  switch (`${method} ${url.pathname}`) {
    case 'GET /v1/me/wishes':
      return ok({ items: empty ? [] : data.wishes });
    case 'POST /v1/wishes': {
      if (!who) return refuse(401, 'not_signed_in', 'Sign in.');
      const made = {
        ...(data.wishes[1] as Wish),
        times: [],
        region: '',
        ...body,
        id: `w${data.wishes.length + 1}`,
        matched: [],
      };
      data.wishes.unshift(made);
      return ok(made, 201);
    }
    case 'GET /v1/demand':
      return ok(empty ? { wishes: [], searches: [], categories: [] } : data.demand);
  }
  const wish = /^\/v1\/wishes\/(\w+)$/.exec(url.pathname)?.[1];
  if (!wish || method !== 'DELETE') return null;
  data.wishes.splice(
    data.wishes.findIndex((known) => known.id === wish),
    1,
  );
  return none;
}

function ofClass({ method, url, who, body, empty }: Asked): Answer | null {
  const match = /^\/v1\/classes\/([^/]+)(?:\/(.+))?$/.exec(url.pathname);
  if (!match) return null;
  const entry = data.classes.find((known) => known.id === decodeURIComponent(match[1] ?? ''));
  if (!entry) return refuse(404, 'class_not_found', 'There is no such class.');
  const key = `${who?.id} ${entry.id}`;
  const below = match[2] ?? '';
  const recordings = entry.replay
    ? [
        {
          room: entry.id,
          room_sid: 'RM_mock',
          state: 'complete',
          manifest: entry.replay,
          started_at_ms: entry.starts_at_ms,
          duration_ms: 3_600_000,
        },
      ]
    : [];
  switch (`${method} ${below.replace(/^(board)\/[^/]+/, '$1/*').replace(/^(materials|attendance)\/(?!file)[^/]+/, '$1/*')}`) {
    case 'GET ':
      return ok({ ...seenBy(entry, who), recordings });
    case 'PATCH ':
      Object.assign(entry, body);
      return ok(seenBy(entry, who));
    case 'DELETE ':
      data.classes.splice(data.classes.indexOf(entry), 1);
      return none;
    case 'PUT enrolment': {
      const full = entry.capacity !== null && entry.enrolled >= entry.capacity;
      enrolments.set(key, full ? 'waiting' : 'enrolled');
      if (!full) entry.enrolled += 1;
      return ok(full ? { enrolment: 'waiting', position: entry.waiting + 1 } : { enrolment: 'enrolled' });
    }
    case 'DELETE enrolment':
      if (enrolments.get(key) === 'enrolled') entry.enrolled -= 1;
      enrolments.delete(key);
      return ok({ enrolment: 'none' });
    case 'PUT like':
      if (!liked.has(key)) entry.likes += 1;
      liked.add(key);
      return none;
    case 'DELETE like':
      if (liked.delete(key)) entry.likes -= 1;
      return none;
    case 'GET enrolments':
      return ok({
        items: empty
          ? []
          : data.accounts
              .filter((account) => account.role === 'student')
              .map(({ id, name }, index) => ({
                account: { id, name },
                state: index === 2 ? 'waiting' : 'enrolled',
                enrolled_at_ms: data.now - index * 8e6,
              })),
      });
    case 'GET materials':
      return ok({ items: empty ? [] : data.materials });
    case 'POST materials':
    case 'POST materials/file': {
      const made = {
        id: `m${data.materials.length + 1}`,
        title: url.searchParams.get('name') ?? '',
        url: '/mock/file',
        bytes: body.url ? 0 : 52_000,
        ...body,
      };
      data.materials.push(made);
      return ok(made, 201);
    }
    case 'DELETE materials/*':
      data.materials.pop();
      return none;
    case 'GET board':
      return list(empty ? [] : data.threads);
    case 'POST board': {
      const made = {
        at_ms: Date.now(),
        replies: 0,
        accepted: false,
        from: who ?? { id: '', name: '' },
        id: '',
        title: '',
        text: '',
        ...body,
      };
      data.threads.unshift(made);
      return ok(made, 201);
    }
    case 'GET board/*': {
      const thread = data.threads.find((known) => known.id === below.split('/')[1]);
      return thread
        ? ok({ thread, replies: thread.replies > 0 ? data.replies : [] })
        : refuse(404, 'not_found', 'No such thread.');
    }
    case 'POST board/*/replies': {
      const made = {
        at_ms: Date.now(),
        instructor: false,
        accepted: false,
        from: who ?? { id: '', name: '' },
        id: '',
        text: '',
        ...body,
      };
      data.replies.push(made);
      return ok(made, 201);
    }
    case 'PUT board/*/accepted':
      for (const known of data.replies) known.accepted = known.id === body.reply;
      return none;
    case 'DELETE board/*':
      return none;
    case 'GET attendance':
      return ok({ items: empty ? [] : data.attendance, rules: { present_share: 0.8, late_min: 10 } });
    case 'PATCH attendance/*': {
      const found = data.attendance.find((known) => known.account.id === below.split('/')[1]);
      if (!found) return refuse(404, 'not_found', 'Nobody of that name.');
      Object.assign(found, {
        corrected: { by: who ?? '', reason: body.reason, at_ms: Date.now(), was: found.status },
        status: body.status,
      });
      return ok(found);
    }
    case 'GET summary':
      return ok(empty ? { ...data.summary, quizzes: [], rewound: [], left: [], questions: [] } : data.summary);
    case 'GET calendar.ics':
      return ok({});
  }
  return null;
}
