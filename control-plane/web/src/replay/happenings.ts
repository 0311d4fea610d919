import type { ClassEvent, Poll, Quiz, Slide, TimelineEvent } from '../api/contract';
import { isSlide } from '../classroom/state';

/** What the class's timeline holds for the replay, by class time. */
export interface Said {
  id: string;
  name: string;
  text: string;
  atMs: number;
}

export interface TimedQuiz {
  quiz: Quiz;
  atMs: number;
}

export interface TimedPoll {
  poll: Poll;
  atMs: number;
}

type Data = Record<string, unknown>;
const dataOf = (event: { data: unknown }): Data =>
  typeof event.data === 'object' && event.data !== null ? (event.data as Data) : {};
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const nameOf = (data: Data): string => {
  const from = data.from ?? data.account;
  return typeof from === 'object' && from !== null ? textOf((from as Data).name) : textOf(data.name) || textOf(data.identity);
};

/** Marks on the bar, and lines in the list: kinds worth finding again. */
const ASKED = new Set(['quiz', 'poll', 'question', 'slide']);

/**
 * The recording's own timeline (who came, screens, packets of the room) and the control plane's (quizzes, polls, chat,
 * questions, hands) as one list. What both tell is told once, as the control plane has it.
 */
export function merge(recorded: readonly TimelineEvent[], told: readonly ClassEvent[]): TimelineEvent[] {
  const kinds = new Set(told.map(({ kind }) => kind as string));
  const own = recorded.filter(({ kind }) => !(kinds.has(kind) && (ASKED.has(kind) || kind === 'chat' || kind === 'hand')));
  const named = told.map((event) => {
    const data = dataOf(event);
    return { at_ms: event.at_ms, kind: event.kind as string, data: event.data === null ? null : { ...data, name: nameOf(data) } };
  });
  return [...own, ...named].sort((a, b) => a.at_ms - b.at_ms);
}

export function quizzesOf(events: readonly TimelineEvent[]): TimedQuiz[] {
  return events.flatMap((event) => {
    const quiz = dataOf(event) as unknown as Partial<Quiz>;
    const whole = event.kind === 'quiz' && typeof quiz.id === 'string' && Array.isArray(quiz.items) && quiz.items.length > 0;
    return whole ? [{ quiz: { title: '', time_limit_s: null, state: 'closed', ...quiz } as Quiz, atMs: event.at_ms }] : [];
  });
}

export function pollsOf(events: readonly TimelineEvent[]): TimedPoll[] {
  return events.flatMap((event) => {
    const poll = dataOf(event) as unknown as Partial<Poll>;
    const whole = event.kind === 'poll' && typeof poll.id === 'string' && Array.isArray(poll.choices);
    return whole ? [{ poll: poll as Poll, atMs: event.at_ms }] : [];
  });
}

export function chatOf(events: readonly TimelineEvent[]): Said[] {
  return events.flatMap((event, place) => {
    if (event.kind !== 'chat') return [];
    const data = dataOf(event);
    const text = textOf(data.text);
    return text ? [{ id: textOf(data.id) || `chat-${place}`, name: nameOf(data), text, atMs: event.at_ms }] : [];
  });
}

export interface TimedSlide {
  /** `null`: from here on none was shown. */
  slide: Slide | null;
  atMs: number;
}

/** A page that was turned over sooner was passed on the way to another. */
const PASSED_MS = 1_000;

export function slidesOf(events: readonly TimelineEvent[]): TimedSlide[] {
  const all = events.flatMap((event): TimedSlide[] => {
    if (event.kind !== 'slide') return [];
    if (event.data === null) return [{ slide: null, atMs: event.at_ms }];
    const slide = { material: null, at_ms: 0, ...dataOf(event) };
    return isSlide(slide) ? [{ slide, atMs: event.at_ms }] : [];
  });
  return all.filter(({ atMs }, place) => (all[place + 1]?.atMs ?? Infinity) - atMs >= PASSED_MS);
}

/** Place of the one shown at a moment; -1: none was. */
export function slideAt(slides: readonly TimedSlide[], timeMs: number): number {
  const latest = slides.findLastIndex(({ atMs }) => atMs <= timeMs);
  return slides[latest]?.slide ? latest : -1;
}

/** The clock may run ahead of the time that has passed by this much; more was a jump, and what lies in between was skipped. */
const JUMP_MS = 1_500;

/** The quiz that playing has just come to, if it is not done with yet. `passedMs`: how far playing could have come. */
export function dueQuiz(
  quizzes: readonly TimedQuiz[],
  beforeMs: number,
  nowMs: number,
  passedMs: number,
  done: ReadonlySet<string>,
): TimedQuiz | null {
  if (nowMs <= beforeMs || nowMs - beforeMs > passedMs + JUMP_MS) return null;
  return quizzes.find(({ quiz, atMs }) => beforeMs < atMs && atMs <= nowMs && !done.has(quiz.id) && !quiz.mine) ?? null;
}
