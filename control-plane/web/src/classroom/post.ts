import { answerQuiz, ask, sendChat } from '../api/classroom';
import { ApiError } from '../api/client';
import type { Answers } from '../api/contract';
import { Outbox, type Parcel } from './outbox';
import { browserShelf } from './shelf';

export interface AnswerBody {
  answers: Answers;
  answered_at_ms: number;
  replay: boolean;
}

export interface QuestionBody {
  text: string;
  minute_ms?: number;
  room_sid?: string;
}

interface Post {
  outbox: Outbox;
  /** Who wants it to run: the app while somebody is signed in, a classroom while it is on the page. */
  holders: number;
}

/** By account. Pages come and go; what was handed in on one of them is sent from whichever is there. */
const posts = new Map<string, Post>();

const postOf = (account: string): Post => {
  const known = posts.get(account);
  if (known) return known;
  const made = { outbox: new Outbox({ account, shelf: browserShelf(), send: deliver }), holders: 0 };
  posts.set(account, made);
  return made;
};

/** The one outbox of an account. */
export const outboxOf = (account: string): Outbox => postOf(account).outbox;

/** Sends what waits, and whatever comes, until the last of those who asked for it lets go. */
export function keepPosting(account: string): () => void {
  const post = postOf(account);
  const online = () => post.outbox.hurry();
  globalThis.addEventListener?.('online', online);
  post.holders += 1;
  post.outbox.start();
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    globalThis.removeEventListener?.('online', online);
    if (--post.holders === 0) post.outbox.stop();
  };
}

/** The server's receipt. Anything else is the answer of somebody on the way (a captive portal), and nothing has arrived. */
async function deliver(parcel: Parcel): Promise<unknown> {
  const receipt: unknown = await send(parcel);
  if (typeof receipt === 'object' && receipt !== null && RECEIPT[parcel.kind] in receipt) return receipt;
  throw new ApiError('bad_answer', `${parcel.kind} ${parcel.id}: no receipt`, 200);
}

/** What each receipt has. */
const RECEIPT: Record<Parcel['kind'], string> = { answer: 'counted', chat: 'from', question: 'votes' };

function send(parcel: Parcel): Promise<unknown> {
  switch (parcel.kind) {
    case 'answer': {
      const { answers, answered_at_ms, replay } = parcel.body as AnswerBody;
      return answerQuiz(parcel.class, parcel.about, parcel.id, { answers, answered_at_ms, ...(replay ? { replay } : {}) });
    }
    case 'chat':
      return sendChat(parcel.class, { id: parcel.id, text: (parcel.body as { text: string }).text });
    case 'question': {
      const body = parcel.body as QuestionBody;
      return ask(parcel.class, { id: parcel.id, ...body, ...(body.room_sid === undefined ? {} : { replay: true }) });
    }
  }
}
