/**
 * In class, below `/v1/classes/{id}`. What changes also arrives in the room as a reliable data packet of topic
 * `seodang.class` (`RoomWord`); `GET live` is asked after joining and when `v` jumps.
 */
import type { Person } from './contract-people';

export interface LiveState {
  v: number;
  at_ms: number;
  quizzes: Quiz[];
  polls: Poll[];
  hands: Hand[];
  questions: Question[];
  /** The latest 100, oldest first. */
  chat: ChatMessage[];
  /** Identity of whom everyone sees large. */
  spotlight: string | null;
  locked: boolean;
  /** What of the materials everybody looks at. */
  slide: Slide | null;
}

/** Which page is shown. Every one of a lesson is in its timeline, by class time. */
export interface Slide {
  /** At most 120 characters. */
  title: string;
  /** From 1. */
  page: number;
  /** One of the class's materials; `null`: something else, a book on the table. */
  material: string | null;
  at_ms: number;
  minute_ms?: number;
}

/** `PUT slide`: without a title it is the material's. */
export interface NewSlide {
  page: number;
  title?: string;
  material?: string;
}

export const ROOM_WORD_TOPIC = 'seodang.class';
export const REACTION_TOPIC = 'seodang.reaction';

/** What the server says into the room: the public part of what changed, and the version after it. */
export interface RoomWord {
  v: number;
  kind: string;
  [part: string]: unknown;
}

export type QuizItemKind = 'single' | 'multiple' | 'short';
export type QuizState = 'draft' | 'open' | 'closed' | 'revealed';

export interface Choice {
  id: string;
  text: string;
}

export interface QuizItem {
  id: string;
  kind: QuizItemKind;
  text: string;
  /** Empty for `short`. */
  choices: Choice[];
}

/** By item: ids of choices, or texts. */
export type Answers = Record<string, string[]>;

export interface Quiz {
  id: string;
  title: string;
  items: QuizItem[];
  time_limit_s: number | null;
  state: QuizState;
  opened_at_ms?: number;
  closes_at_ms?: number;
  /** Milliseconds since the class began. */
  minute_ms?: number;
  /** For who teaches, and once revealed. */
  key?: Answers;
  mine?: MyAnswers;
}

export interface MyAnswers {
  answers: Answers;
  correct?: Record<string, boolean>;
  score?: number;
}

export interface NewQuiz {
  title: string;
  items: QuizItem[];
  key: Answers;
  time_limit_s: number | null;
}

export interface QuizAnswer {
  answers: Answers;
  answered_at_ms: number;
  replay?: boolean;
}

export interface AnswerReceipt {
  received_at_ms: number;
  counted: boolean;
  mine: MyAnswers;
}

export interface Tally {
  answered: number;
  enrolled_present: number;
  items: Record<string, Record<string, number>>;
  correct: Record<string, number>;
  replay?: Omit<Tally, 'replay'>;
}

export interface Poll {
  id: string;
  question: string;
  choices: Choice[];
  multiple: boolean;
  anonymous: boolean;
  state: 'draft' | 'open' | 'closed';
  tally?: Record<string, number>;
  mine?: string[];
}

export type NewPoll = Pick<Poll, 'question' | 'choices' | 'multiple' | 'anonymous'>;

export interface ChatMessage {
  id: string;
  from: Person;
  /** At most 1000 characters. */
  text: string;
  at_ms: number;
  hidden?: boolean;
}

export interface Hand {
  account: Person;
  raised_at_ms: number;
}

export type QuestionState = 'open' | 'answered' | 'hidden';

export interface Question {
  id: string;
  /** `null`: anonymous. */
  from: Person | null;
  /** At most 500 characters. */
  text: string;
  at_ms: number;
  minute_ms?: number;
  replay: boolean;
  votes: number;
  voted: boolean;
  state: QuestionState;
  answer?: string;
}

export interface NewQuestion {
  id: string;
  text: string;
  minute_ms?: number;
  replay?: boolean;
  room_sid?: string;
}

export type Control =
  | 'mute'
  | 'allow-speak'
  | 'forbid-speak'
  | 'remove'
  | 'allow-screen'
  | 'forbid-screen'
  | 'spotlight'
  | 'unspotlight'
  | 'lock'
  | 'unlock'
  | 'end';
