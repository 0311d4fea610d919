/** What goes on in a class beside sound and picture, as `GET /v1/classes/{id}/live` tells it. Times are ms since the epoch. */

export type ItemKind = 'single' | 'multiple' | 'short';

export interface Choice {
  id: string;
  text: string;
}

export interface QuizItem {
  id: string;
  kind: ItemKind;
  text: string;
  choices: Choice[];
}

export type QuizState = 'draft' | 'open' | 'closed' | 'revealed';

/** By item: ids of choices, or one text. */
export type Answers = Record<string, string[]>;

export interface OwnAnswer {
  answers: Answers;
  /** Once the key may be known: whether each item is right. */
  correct?: Record<string, boolean>;
  score?: number;
}

export interface Quiz {
  id: string;
  title: string;
  items: QuizItem[];
  time_limit_s: number | null;
  state: QuizState;
  opened_at_ms?: number | null;
  closes_at_ms?: number | null;
  /** Class time it was opened at. */
  minute_ms?: number | null;
  key?: Answers | null;
  mine?: OwnAnswer | null;
}

export interface QuizDraft {
  title: string;
  items: QuizItem[];
  key: Answers;
  time_limit_s: number | null;
}

export interface AnswerRequest {
  answers: Answers;
  answered_at_ms: number;
  replay?: boolean;
}

export interface AnswerReceipt {
  received_at_ms: number;
  counted: boolean;
  mine: OwnAnswer;
}

export interface TallyPart {
  answered: number;
  items: Record<string, Record<string, number>>;
  correct: Record<string, number>;
}

export interface Tally extends TallyPart {
  enrolled_present: number;
  replay?: TallyPart;
}

export interface Poll {
  id: string;
  question: string;
  choices: Choice[];
  multiple: boolean;
  anonymous: boolean;
  state: 'draft' | 'open' | 'closed';
  tally?: Record<string, number> | null;
  mine?: string[] | null;
}

export interface PollDraft {
  question: string;
  choices: Choice[];
  multiple: boolean;
  anonymous: boolean;
}

export interface Who {
  id: string;
  name: string;
}

export interface Chat {
  id: string;
  from: Who;
  text: string;
  at_ms: number;
  hidden?: boolean;
}

export interface Hand {
  account: Who;
  raised_at_ms: number;
}

export interface Question {
  id: string;
  /** Absent: asked without a name. */
  from: Who | null;
  text: string;
  at_ms: number;
  minute_ms?: number | null;
  replay: boolean;
  votes: number;
  voted: boolean;
  state: 'open' | 'answered' | 'hidden';
  answer?: string | null;
}

export interface Live {
  v: number;
  at_ms: number;
  quizzes: Quiz[];
  polls: Poll[];
  hands: Hand[];
  questions: Question[];
  chat: Chat[];
  spotlight: string | null;
  locked: boolean;
}

export type ControlAction =
  | 'mute'
  | 'allow-speak'
  | 'forbid-speak'
  | 'remove'
  | 'allow-screen'
  | 'forbid-screen'
  | 'spotlight'
  | 'lock'
  | 'unlock'
  | 'end';
