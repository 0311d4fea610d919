import { getLive, listChat, lowerHand, newId, raiseHand, unvote, vote, voteFor } from '../api/classroom';
import type { Answers, LiveState, Person, Poll, Question } from '../api/contract';
import { isPassing } from '../api/retry';
import { type DraftSlot, draftSlot } from '../drafts';
import { Feed } from './feed';
import type { Outbox, Parcel, ParcelView } from './outbox';
import { type AnswerBody, keepPosting, outboxOf, type QuestionBody } from './post';

export const CHAT_LENGTH_MAX = 1_000;
export const QUESTION_LENGTH_MAX = 500;
export const SHORT_ANSWER_LENGTH_MAX = 200;

/** One class, as the person here takes part in it: what is known of it, and what is handed in. */
export class Classroom {
  readonly feed: Feed;
  /** The account's: it goes on when this classroom is left. */
  readonly outbox: Outbox;
  /** What has arrived and is part of the class as it is known here; at first what arrived before this was opened. */
  private readonly noted: Set<string>;
  private readonly old: ReadonlySet<string>;
  private shown: { all: readonly ParcelView[]; here: readonly ParcelView[] } = { all: [], here: [] };
  private letGo: (() => void)[] = [];

  constructor(
    readonly id: string,
    readonly me: Person,
    readonly teaches: boolean,
  ) {
    this.feed = new Feed({ fetchLive: () => getLive(id) });
    this.outbox = outboxOf(me.id);
    this.noted = new Set(this.outbox.view().flatMap(({ state, parcel }) => (state === 'arrived' ? [parcel.id] : [])));
    this.old = new Set(this.noted);
  }

  start(): void {
    this.feed.start();
    globalThis.addEventListener?.('online', this.online);
    this.letGo = [this.outbox.subscribe(this.noteArrivals), keepPosting(this.me.id)];
    this.noteArrivals();
  }

  stop(): void {
    this.feed.stop();
    globalThis.removeEventListener?.('online', this.online);
    for (const letGo of this.letGo.splice(0)) letGo();
  }

  /** The network or the room is back. */
  back(): void {
    this.feed.refresh();
    this.outbox.hurry();
  }

  private online = () => this.back();

  answer(quiz: string, answers: Answers, replay: boolean): void {
    // By the server's clock: whether an answer was in time must not hang on this machine's.
    const answered_at_ms = Math.round(Date.now() + this.feed.view().offsetMs);
    this.handIn('answer', quiz, { answers, answered_at_ms, replay } satisfies AnswerBody);
    // It is the outbox's from here on: whoever sits here next finds an empty form.
    this.draftOf(quiz).forget();
  }

  /** What is chosen in a quiz and not handed in yet. */
  draftOf(quiz: string): DraftSlot {
    return draftSlot('device', this.me.id, `quiz.${quiz}`);
  }

  /** What was handed in for this class: on its way, refused, or arrived since it was opened here. */
  parcels = (): readonly ParcelView[] => {
    const all = this.outbox.view();
    if (this.shown.all !== all) {
      this.shown = { all, here: all.filter(({ parcel }) => parcel.class === this.id && !this.old.has(parcel.id)) };
    }
    return this.shown.here;
  };

  /** What was handed in for a quiz and is on its way, refused, or just arrived. */
  answerOf(quiz: string): ParcelView | undefined {
    return this.parcels().findLast(({ parcel }) => parcel.kind === 'answer' && parcel.about === quiz);
  }

  say(text: string): void {
    this.handIn('chat', '', { text: text.slice(0, CHAT_LENGTH_MAX) });
  }

  ask(text: string, at?: { minuteMs: number; roomSid: string }): void {
    const body: QuestionBody = { text: text.slice(0, QUESTION_LENGTH_MAX) };
    this.handIn('question', '', at ? { ...body, minute_ms: Math.round(at.minuteMs), room_sid: at.roomSid } : body);
  }

  async raise(up: boolean): Promise<void> {
    const { id, name } = this.me;
    const own = this.feed.view().live.hands.filter((hand) => hand.account.id === id);
    const show = (hands: LiveState['hands']) =>
      this.feed.change((live) => ({ ...live, hands: [...live.hands.filter((hand) => hand.account.id !== id), ...hands] }));
    show(up ? [{ account: { id, name }, raised_at_ms: Date.now() }] : []);
    try {
      await (up ? raiseHand(this.id) : lowerHand(this.id));
    } catch (error) {
      // While nobody answers, the hand stays as it was meant; a refusal is the last word.
      if (!isPassing(error)) show(own);
      throw error;
    }
  }

  /** Messages before the oldest one here. */
  async earlier(): Promise<void> {
    const oldest = this.feed.view().live.chat[0]?.id;
    const { items } = await listChat(this.id, oldest === undefined ? {} : { before: oldest });
    this.feed.change((live) => {
      const known = new Set(live.chat.map(({ id }) => id));
      const chat = [...items.filter(({ id }) => !known.has(id)), ...live.chat].sort((a, b) => a.at_ms - b.at_ms);
      return { ...live, chat };
    });
  }

  async vote(poll: Poll, choices: string[]): Promise<void> {
    await vote(this.id, poll.id, choices);
    this.feed.change((live) => ({
      ...live,
      polls: live.polls.map((known) => (known.id === poll.id ? { ...known, mine: choices } : known)),
    }));
  }

  /** A vote for a question: shown at once, taken back where it is refused. */
  async support(question: Question, voted: boolean): Promise<void> {
    const show = (on: boolean) => (live: LiveState) => ({
      ...live,
      questions: live.questions.map((known) =>
        known.id === question.id && known.voted !== on ? { ...known, voted: on, votes: known.votes + (on ? 1 : -1) } : known,
      ),
    });
    this.feed.change(show(voted));
    try {
      await (voted ? voteFor(this.id, question.id) : unvote(this.id, question.id));
    } catch (error) {
      this.feed.change(show(!voted));
      throw error;
    }
  }

  private handIn(kind: Parcel['kind'], about: string, body: unknown): void {
    this.outbox.put({ id: newId(), kind, class: this.id, about, body, at_ms: Date.now() });
  }

  private noteArrivals = (): void => {
    for (const { parcel, state, result } of this.parcels()) {
      if (state !== 'arrived' || this.noted.has(parcel.id)) continue;
      this.noted.add(parcel.id);
      this.note(parcel, result);
    }
  };

  /** What the server has taken is part of the class, before its word comes round. */
  private note(parcel: Parcel, result: unknown): void {
    if (typeof result !== 'object' || result === null) return;
    if (parcel.kind === 'answer' && 'mine' in result) {
      const mine = result.mine as LiveState['quizzes'][number]['mine'];
      this.feed.change((live) => ({
        ...live,
        quizzes: live.quizzes.map((quiz) => (quiz.id === parcel.about && mine ? { ...quiz, mine } : quiz)),
      }));
    }
    if (parcel.kind === 'chat' && 'from' in result) {
      const said = result as LiveState['chat'][number];
      this.feed.change((live) => (live.chat.some(({ id }) => id === said.id) ? live : { ...live, chat: [...live.chat, said] }));
    }
    if (parcel.kind === 'question' && 'votes' in result) {
      const asked = result as Question;
      this.feed.change((live) =>
        live.questions.some(({ id }) => id === asked.id) ? live : { ...live, questions: [...live.questions, asked] },
      );
    }
  }
}
