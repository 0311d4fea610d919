/** After class: attendance, summary, timeline, Q&A board. */
import type { Person } from './contract-people';
import type { Question } from './contract-classroom';

export type AttendanceStatus = 'present' | 'late' | 'partial' | 'absent';

export interface AttendanceEntry {
  account: Person;
  status: AttendanceStatus;
  seconds: number;
  /** Of the class, 0 to 1. */
  share: number;
  /** Merged over reconnects and devices. */
  intervals: { from_ms: number; to_ms: number }[];
  corrected?: Correction;
}

export interface Correction {
  by: Person;
  reason: string;
  at_ms: number;
  was: AttendanceStatus;
}

/** One lesson of a class: the lives of its room that belong together, oldest first. */
export interface Lesson {
  room_sids: string[];
  from_ms: number;
  to_ms: number;
}

export interface Attendance {
  /** Of which the entries are; `null`: the class was never held. */
  lesson: Lesson | null;
  items: AttendanceEntry[];
  /** Thresholds by name, as the control plane names them. */
  rules: Record<string, number>;
}

/** `GET summary`: what an instructor looks at afterwards. */
export interface Summary {
  attendance: Record<AttendanceStatus, number>;
  quizzes: SummaryQuiz[];
  /** Minutes at which people went back, and left. */
  rewound: { minute: number; n: number }[];
  left: { minute: number; n: number }[];
  questions: Question[];
  duration_ms: number;
}

/** What was answered in class, and apart from it in replays: items are in the same order. */
export interface SummaryQuiz extends SummaryAnswers {
  id: string;
  title: string;
  replay: SummaryAnswers;
}

export interface SummaryAnswers {
  answered: number;
  /** `correct_share` is `null` where there is no key. */
  items: { text: string; correct_share: number | null; choices: { text: string; n: number }[] }[];
}

export type ClassEventKind = 'quiz' | 'poll' | 'chat' | 'question' | 'hand' | 'slide';

/** `GET timeline`: times are milliseconds since the class began. */
export interface ClassEvent {
  at_ms: number;
  kind: ClassEventKind;
  data: unknown;
}

export interface Watched {
  room_sid: string;
  from_ms: number;
  to_ms: number;
  event: 'play' | 'seek-back' | 'leave';
}

/** A thread of a class's Q&A board. */
export interface Thread {
  id: string;
  from: Person;
  title: string;
  text: string;
  at_ms: number;
  /** Moment of the class it is about. */
  minute_ms?: number;
  replies: number;
  accepted: boolean;
}

export interface Reply {
  id: string;
  from: Person;
  text: string;
  at_ms: number;
  instructor: boolean;
  accepted: boolean;
}

export interface ThreadDetail {
  thread: Thread;
  replies: Reply[];
}

export interface NewThread {
  id: string;
  title: string;
  text: string;
  minute_ms?: number;
}
