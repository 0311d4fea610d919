import type { ChatMessage, Hand, LiveState, Poll, Question, Quiz, RoomWord, Slide, Tally } from '../api/contract';

/** Older messages leave the page: a day-long class must not fill the memory of a phone. */
const CHAT_KEPT = 500;
/** A word is a small JSON object; anything larger is not one. */
const WORD_BYTES_MAX = 65_536;

/** What came of a word: the class after it, and whether only `GET live` can tell the rest. */
export interface Applied {
  live: LiveState;
  refetch: boolean;
}

export const EMPTY: LiveState = {
  v: 0,
  at_ms: 0,
  quizzes: [],
  polls: [],
  hands: [],
  questions: [],
  chat: [],
  spotlight: null,
  locked: false,
  slide: null,
};

/** What is said beside the class's versions: how answers fall (to who teaches), whose chat is paused. */
export type Aside =
  | { kind: 'tally'; quiz: string; tally: Tally }
  | { kind: 'poll-tally'; poll: string; tally: Record<string, number> }
  | { kind: 'chat-muted'; account: string; muted: boolean };

/** Reads a packet. What is neither is `null`: not every packet of the topic need be ours. */
export function parseWord(payload: Uint8Array): RoomWord | Aside | null {
  if (payload.byteLength > WORD_BYTES_MAX) return null;
  try {
    const word: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (!isRecord(word) || typeof word.kind !== 'string') return null;
    if (word.v === undefined) return isAside(word) ? word : null;
    return Number.isSafeInteger(word.v) ? (word as RoomWord) : null;
  } catch {
    return null;
  }
}

export const isVersioned = (word: RoomWord | Aside): word is RoomWord => 'v' in word;

/** Words apply in order. One heard before is nothing new; a jump means that some were missed. */
export function applyWord(live: LiveState, word: RoomWord): Applied {
  if (word.v <= live.v) return { live, refetch: false };
  if (word.v > live.v + 1) return { live, refetch: true };
  const next = change(live, word);
  // An unknown kind: something changed that this page cannot tell from the word.
  return next === null ? { live, refetch: true } : { live: { ...next.live, v: word.v }, refetch: next.refetch };
}

function change(live: LiveState, word: RoomWord): Applied | null {
  const [noun = '', verb = ''] = word.kind.split(/[.\-_:]/);
  const gone = word.removed === true || word.deleted === true || /^(removed|deleted|down|lowered)$/.test(verb);
  switch (noun) {
    case 'quiz': {
      const part = partOf(word, 'quiz');
      if (gone && part) return done({ ...live, quizzes: without(live.quizzes, part.id) });
      // The key and what I had right are not for the whole room: they are asked for.
      return part && done({ ...live, quizzes: put(live.quizzes, part as Partial<Quiz> & Id, isQuiz) }, part.state === 'revealed');
    }
    case 'poll': {
      const part = partOf(word, 'poll');
      if (gone && part) return done({ ...live, polls: without(live.polls, part.id) });
      return part && done({ ...live, polls: put(live.polls, part as Partial<Poll> & Id, isPoll) });
    }
    case 'chat': {
      const part = partOf(word, 'chat') ?? partOf(word, 'message');
      if (gone && part)
        return done({ ...live, chat: live.chat.map((old) => (old.id === part.id ? { ...old, hidden: true } : old)) });
      return part && done({ ...live, chat: put(live.chat, part as Partial<ChatMessage> & Id, isChat).slice(-CHAT_KEPT) });
    }
    case 'question': {
      const part = partOf(word, 'question');
      if (gone && part) return done({ ...live, questions: without(live.questions, part.id) });
      return part && done({ ...live, questions: put(live.questions, part as Partial<Question> & Id, isQuestion) });
    }
    case 'hand':
    case 'hands':
      return changeHands(live, word, gone || word.up === false || word.raised === false);
    case 'spotlight': {
      const identity = word.spotlight !== undefined ? word.spotlight : word.identity;
      return typeof identity === 'string' || identity === null ? done({ ...live, spotlight: identity || null }) : null;
    }
    case 'lock':
    case 'locked':
    case 'unlock':
      return done({ ...live, locked: typeof word.locked === 'boolean' ? word.locked : noun !== 'unlock' });
    case 'slide':
      return word.slide === null || isSlide(word.slide) ? done({ ...live, slide: word.slide }) : null;
    // The room says so, too, and closes.
    case 'ended':
      return done({ ...live, slide: null });
    default:
      return null;
  }
}

function changeHands(live: LiveState, word: RoomWord, down: boolean): Applied | null {
  if (Array.isArray(word.hands)) return done({ ...live, hands: sorted((word.hands as unknown[]).filter(isHand)) });
  const hand = isRecord(word.hand) ? word.hand : word;
  const account = isRecord(hand.account) ? hand.account.id : hand.account;
  if (typeof account !== 'string') return null;
  const others = live.hands.filter((known) => known.account.id !== account);
  if (down) return done({ ...live, hands: others });
  return isHand(hand) ? done({ ...live, hands: sorted([...others, hand]) }) : null;
}

type Id = { id: string };

const done = (live: LiveState, refetch = false): Applied => ({ live, refetch });

const sorted = (hands: Hand[]): Hand[] => hands.sort((a, b) => a.raised_at_ms - b.raised_at_ms);

/** The changed thing: under its own name, or the word itself. */
function partOf(word: RoomWord, name: string): (Record<string, unknown> & Id) | null {
  const part = isRecord(word[name]) ? word[name] : word;
  return typeof part.id === 'string' ? (part as Record<string, unknown> & Id) : null;
}

/** Puts a thing in, over what is known of it: what is mine (answer, vote, key) is not in words and stays. */
function put<T extends Id>(list: readonly T[], part: Partial<T> & Id, whole: (thing: unknown) => thing is T): T[] {
  const place = list.findIndex(({ id }) => id === part.id);
  const known = list[place];
  const said = Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined && value !== null));
  const merged: unknown = known ? { ...known, ...said } : part;
  if (!whole(merged)) return [...list];
  return known ? list.with(place, merged) : [...list, merged];
}

const without = <T extends Id>(list: readonly T[], id: string): T[] => list.filter((thing) => thing.id !== id);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAside(word: Record<string, unknown>): word is Record<string, unknown> & Aside {
  switch (word.kind) {
    case 'tally':
      return typeof word.quiz === 'string' && isRecord(word.tally) && typeof word.tally.answered === 'number';
    case 'poll-tally':
      return typeof word.poll === 'string' && isRecord(word.tally);
    case 'chat-muted':
      return typeof word.account === 'string' && typeof word.muted === 'boolean';
    default:
      return false;
  }
}

const isWho = (value: unknown): boolean => isRecord(value) && typeof value.id === 'string' && typeof value.name === 'string';
const isQuiz = (value: unknown): value is Quiz =>
  isRecord(value) && Array.isArray(value.items) && typeof value.state === 'string';
const isPoll = (value: unknown): value is Poll =>
  isRecord(value) && Array.isArray(value.choices) && typeof value.state === 'string';
const isChat = (value: unknown): value is ChatMessage => isRecord(value) && isWho(value.from) && typeof value.text === 'string';
const isQuestion = (value: unknown): value is Question =>
  isRecord(value) && typeof value.text === 'string' && typeof value.votes === 'number';
const isHand = (value: unknown): value is Hand =>
  isRecord(value) && isWho(value.account) && typeof value.raised_at_ms === 'number';
export const isSlide = (value: unknown): value is Slide =>
  isRecord(value) && typeof value.title === 'string' && Number.isSafeInteger(value.page);
