/** People: accounts, sessions, notifications. */

export type AccountRole = 'student' | 'instructor' | 'admin';
export type Locale = 'ko' | 'en';

/** Somebody as others see them. */
export interface Person {
  id: string;
  name: string;
}

export interface Account extends Person {
  role: AccountRole;
  /** One's own, and for administrators. */
  email?: string;
  locale: Locale;
  region?: string;
  /** Ids of categories. */
  interests: string[];
  created_at_ms: number;
  /** For administrators. */
  disabled?: boolean;
}

/** `GET /v1/me`. */
export interface Me {
  account: Account | null;
  /** Sent back as `x-csrf-token` with everything that changes something. */
  csrf: string;
  /** Notifications not read. */
  unread: number;
  /** Names of the OpenID Connect providers one may sign in with. */
  oidc: string[];
  dev: boolean;
}

export interface NewAccount {
  email: string;
  password: string;
  name: string;
  role: 'student' | 'instructor';
  locale: Locale;
}

export interface ProfileChange {
  name?: string;
  locale?: Locale;
  region?: string;
  interests?: string[];
}

/** `GET /v1/dev/mail`, in development only. */
export interface DevMail {
  to: string;
  subject: string;
  text: string;
  at_ms: number;
}

export type NotificationKind = 'reminder' | 'place' | 'answer' | 'accepted' | 'wish' | 'quiz';

export interface Notification {
  id: string;
  kind: NotificationKind;
  /** Id of the class it is about. */
  class?: string;
  text_ko: string;
  text_en: string;
  at_ms: number;
  read: boolean;
}

/** A list in pages: `next` is the cursor of the one after this. */
export interface Page<T> {
  items: T[];
  next: string | null;
}
