import type { Answers, ChatMessage, Hand, Question, Quiz, QuizItem, Tally } from '../api/contract';
import type { ParcelView } from './outbox';

/** What the page reads out of the class: queues, times, shares. Only arithmetic. */

/** A tally of those in class, or of those who watched the replay. */
export type TallyPart = Pick<Tally, 'answered' | 'items' | 'correct'>;

/** Seconds left of a quiz by the server's clock; `null`: no timer. */
export function secondsLeft(quiz: Pick<Quiz, 'state' | 'closes_at_ms'>, nowMs: number, offsetMs: number): number | null {
  if (quiz.state !== 'open' || !quiz.closes_at_ms) return null;
  return Math.max(0, Math.ceil((quiz.closes_at_ms - (nowMs + offsetMs)) / 1000));
}

export interface Raised {
  identity: string;
  name: string;
  atMs: number;
}

/**
 * Raised hands, first up first: those the control plane knows, and those only the room shows (it is told at once, and
 * also while the control plane is away). `lowered` are hands the instructor has taken down.
 */
export function handQueue(
  hands: readonly Hand[],
  people: readonly { identity: string; name: string; handAt: number }[],
  lowered: ReadonlySet<string> = new Set(),
): Raised[] {
  const known = new Set(hands.map((hand) => hand.account.id));
  return [
    ...hands.map((hand) => ({ identity: hand.account.id, name: hand.account.name, atMs: hand.raised_at_ms })),
    ...people
      .filter((person) => person.handAt > 0 && !known.has(person.identity))
      .map((person) => ({ identity: person.identity, name: person.name, atMs: person.handAt })),
  ]
    .filter((hand) => !lowered.has(hand.identity))
    .sort((a, b) => a.atMs - b.atMs);
}

/** Open questions by votes, then by age; answered ones below, newest first; hidden ones for who teaches only. */
export function pile(questions: readonly Question[], teaches: boolean): Question[] {
  const rank = { open: 0, answered: 1, hidden: 2 } as const;
  return questions
    .filter((question) => teaches || question.state !== 'hidden')
    .sort(
      (a, b) =>
        rank[a.state] - rank[b.state] || (a.state === 'open' ? b.votes - a.votes || a.at_ms - b.at_ms : b.at_ms - a.at_ms),
    );
}

export interface Line {
  id: string;
  from: { id: string; name: string };
  text: string;
  atMs: number;
  hidden: boolean;
  /** Absent: it is there. */
  parcel?: ParcelView;
}

/** History, what this page has still to send, and messages of other clients in the room, in order and each once. */
export function conversation(
  chat: readonly ChatMessage[],
  parcels: readonly ParcelView[],
  room: readonly { id: string; identity: string; name: string; text: string; atMs: number }[],
  me: { id: string; name: string },
): Line[] {
  const lines: Line[] = chat.map((message) => ({
    id: message.id,
    from: message.from,
    text: message.text,
    atMs: message.at_ms,
    hidden: message.hidden ?? false,
  }));
  const there = new Set(lines.map((line) => line.id));
  for (const parcel of parcels) {
    const { id, kind, body, at_ms } = parcel.parcel;
    if (kind !== 'chat' || there.has(id)) continue;
    lines.push({ id, from: me, text: (body as { text: string }).text, atMs: at_ms, hidden: false, parcel });
  }
  for (const said of room) {
    if (there.has(said.id)) continue;
    lines.push({ id: said.id, from: { id: said.identity, name: said.name }, text: said.text, atMs: said.atMs, hidden: false });
  }
  return lines.sort((a, b) => a.atMs - b.atMs);
}

/** Whether every item has an answer. */
export function isComplete(items: readonly QuizItem[], answers: Answers): boolean {
  return items.every((item) => (answers[item.id] ?? []).some((answer) => answer.trim() !== ''));
}

export function choose(item: QuizItem, answers: Answers, choice: string): Answers {
  const known = answers[item.id] ?? [];
  if (item.kind !== 'multiple') return { ...answers, [item.id]: [choice] };
  const next = known.includes(choice) ? known.filter((one) => one !== choice) : [...known, choice];
  return { ...answers, [item.id]: next };
}

export interface Bar {
  id: string;
  text: string;
  count: number;
  /** Of all who answered, 0 to 1. */
  share: number;
  right: boolean;
}

/** Short answers shown as bars; the rest is one bar of others. */
const SHORT_BARS = 6;

/** An item's answers as bars: choices in their order, short answers by how many gave them. */
export function barsOf(item: QuizItem, tally: TallyPart, key: Answers | undefined): Bar[] {
  const counts = tally.items[item.id] ?? {};
  const right = new Set(key?.[item.id] ?? []);
  const bar = (id: string, text: string, count: number): Bar => ({
    id,
    text,
    count,
    share: tally.answered > 0 ? count / tally.answered : 0,
    right: right.has(id),
  });
  if (item.kind !== 'short') return item.choices.map((choice) => bar(choice.id, choice.text, counts[choice.id] ?? 0));
  const given = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const others = given.slice(SHORT_BARS).reduce((sum, [, count]) => sum + count, 0);
  return [
    ...given.slice(0, SHORT_BARS).map(([text, count]) => bar(text, text, count)),
    ...(others > 0 ? [bar('…', '…', others)] : []),
  ];
}

/** How many of an item's answers were right, 0 to 1. */
export function correctShare(item: QuizItem, tally: Pick<Tally, 'answered' | 'correct'>): number | null {
  return tally.answered > 0 ? (tally.correct[item.id] ?? 0) / tally.answered : null;
}
