/** The catalogue: classes, enrolment, materials, search, recommendations, wishes and demand. */
import type { Recording } from './contract';
import type { Person } from './contract-people';

export type ClassState = 'upcoming' | 'live' | 'ended';
export type Level = 'beginner' | 'intermediate' | 'advanced' | 'any';
export type ClassLanguage = 'ko' | 'en';
export type Enrolment = 'none' | 'enrolled' | 'waiting';
/** What one is in the room of a class. */
export type ClassRole = 'instructor' | 'student' | 'observer';

export interface Class {
  id: string;
  title: string;
  description: string;
  category: string;
  level: Level;
  language: ClassLanguage;
  /** `null`: open, whenever the instructor is there. */
  starts_at_ms: number | null;
  duration_min: number;
  /** IANA name of the zone the class keeps its hours in. */
  time_zone: string;
  /** `null`: no limit. */
  capacity: number | null;
  recorded: boolean;
  /** A class that a server made may have no account behind the name. */
  instructor: { id: string | null; name: string };
  state: ClassState;
  /** Path of the manifest below a cdn node's URL, once there is something to replay and if it is for whoever asks. */
  replay: string | null;
  /** There is something to replay, whoever asks. */
  has_replay: boolean;
  enrolled: number;
  waiting: number;
  likes: number;
  /** Nobody new may come in. */
  locked: boolean;
  mine: MyPart;
  created_at_ms: number;
}

/** What the class is to the one who asks. */
export interface MyPart {
  enrolment: Enrolment;
  /** Place in the waiting list, from 1. */
  position?: number;
  liked: boolean;
  teaches: boolean;
}

/** `GET /v1/classes/{id}`: a class may have been held, and recorded, several times. */
export interface ClassDetail extends Class {
  /** Oldest first; those that are for whoever asks. */
  recordings: Recording[];
}

export interface NewClass {
  title: string;
  description?: string;
  category?: string;
  level?: Level;
  language?: ClassLanguage;
  starts_at_ms?: number | null;
  duration_min?: number;
  time_zone?: string;
  capacity?: number | null;
  recorded?: boolean;
}

export interface Category {
  id: string;
  ko: string;
  en: string;
}

export interface ClassQuery {
  q?: string;
  category?: string;
  level?: Level;
  language?: ClassLanguage;
  when?: 'upcoming' | 'live' | 'replay';
  cursor?: string;
  limit?: number;
}

export interface EnrolmentAnswer {
  enrolment: Enrolment;
  position?: number;
}

/** One line of an instructor's list. */
export interface Enrolled {
  account: Person;
  state: 'enrolled' | 'waiting';
  enrolled_at_ms: number;
}

/** `GET /v1/me/classes`. */
export interface MyClasses {
  enrolled: Class[];
  teaching: Class[];
  waiting: Class[];
}

export interface Material {
  id: string;
  title: string;
  url: string;
  /** 0 or absent: a link elsewhere. */
  bytes?: number;
}

export interface Suggestion {
  text: string;
  kind: 'class' | 'category' | 'instructor';
}

export interface Recommendation {
  class: Class;
  reason: { ko: string; en: string };
}

/** When somebody has time, as a wish names it. */
export type WishTime =
  'weekday-morning' | 'weekday-afternoon' | 'weekday-evening' | 'weekend-morning' | 'weekend-afternoon' | 'weekend-evening';

export interface NewWish {
  /** At most 120 characters. */
  text: string;
  category?: string;
  level?: Level;
  language?: ClassLanguage;
  times?: WishTime[];
  region?: string;
}

/** Empty texts: any. */
export interface Wish {
  id: string;
  text: string;
  category: string;
  level: Level | '';
  language: ClassLanguage | '';
  times: WishTime[];
  region: string;
  /** Ids of classes that answer it. */
  matched: string[];
  at_ms: number;
}

/** `GET /v1/demand`: what is wanted and is not there. `weekly` is oldest first. */
export interface Demand {
  wishes: DemandTopic[];
  searches: DemandSearch[];
  categories: { id: string; wishes: number; searches: number; classes: number }[];
}

export interface DemandTopic {
  topic: string;
  n: number;
  regions: Record<string, number>;
  levels: Record<string, number>;
  times: Record<string, number>;
  weekly: number[];
}

export interface DemandSearch {
  text: string;
  n: number;
  found: number;
  weekly: number[];
}
