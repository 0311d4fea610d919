import type { Answers, Choice, NewPoll, NewQuiz, Quiz, QuizItem, QuizItemKind } from '../api/contract';
import type { Key } from '../i18n';

/** A quiz being written. Choices and the key are by place; ids are made when it is handed in. */
export interface DraftItem {
  kind: QuizItemKind;
  text: string;
  choices: string[];
  /** Places of the right choices. */
  right: number[];
  /** Accepted texts of a short answer, separated by commas as typed. */
  accepted: string;
}

export interface Draft {
  title: string;
  items: DraftItem[];
  /** Seconds; 0 is without a timer. */
  timeLimitS: number;
}

export const ITEMS_MAX = 20;
export const CHOICES_MAX = 8;
export const CHOICES_MIN = 2;
export const TIME_LIMITS_S = [0, 30, 60, 120, 300, 600] as const;

export const emptyItem = (kind: QuizItemKind = 'single'): DraftItem => ({
  kind,
  text: '',
  choices: ['', ''],
  right: [],
  accepted: '',
});
export const emptyDraft = (): Draft => ({ title: '', items: [emptyItem()], timeLimitS: 60 });

export interface Fault {
  /** Place of the item; `null`: the quiz as a whole. */
  item: number | null;
  key: Key;
}

/** The first thing that keeps a draft from being a quiz. */
export function faultOf(draft: Draft): Fault | null {
  if (draft.items.length === 0) return { item: null, key: 'quiz.fault.items' };
  for (const [item, { kind, text, choices, right, accepted }] of draft.items.entries()) {
    if (text.trim() === '') return { item, key: 'quiz.fault.text' };
    if (kind === 'short') {
      if (acceptedTexts(accepted).length === 0) return { item, key: 'quiz.fault.accepted' };
      continue;
    }
    const filled = choices.map((choice) => choice.trim());
    if (filled.filter(Boolean).length < CHOICES_MIN) return { item, key: 'quiz.fault.choices' };
    if (new Set(filled.filter(Boolean)).size < filled.filter(Boolean).length) return { item, key: 'quiz.fault.same' };
    if (right.filter((place) => filled[place]).length === 0) return { item, key: 'quiz.fault.key' };
  }
  return null;
}

/** The draft as the control plane takes it; a quiz without a title goes by its first question. */
export function quizOf(draft: Draft): NewQuiz {
  const items: QuizItem[] = [];
  const key: Answers = {};
  draft.items.forEach((item, place) => {
    const id = `i${place + 1}`;
    const choices = item.kind === 'short' ? [] : filledChoices(item.choices);
    items.push({ id, kind: item.kind, text: item.text.trim(), choices: choices.map(({ choice }) => choice) });
    key[id] =
      item.kind === 'short'
        ? acceptedTexts(item.accepted)
        : choices.filter(({ place: at }) => item.right.includes(at)).map(({ choice }) => choice.id);
  });
  return {
    title: draft.title.trim() || (items[0]?.text ?? '').slice(0, 60),
    items,
    key,
    time_limit_s: draft.timeLimitS || null,
  };
}

/** A prepared quiz opened for changes. */
export function draftOf(quiz: Pick<Quiz, 'title' | 'items' | 'key' | 'time_limit_s'>): Draft {
  return {
    title: quiz.title,
    timeLimitS: quiz.time_limit_s ?? 0,
    items: quiz.items.map((item) => {
      const key = quiz.key?.[item.id] ?? [];
      return {
        kind: item.kind,
        text: item.text,
        choices: item.kind === 'short' ? ['', ''] : item.choices.map(({ text }) => text),
        right: item.choices.flatMap(({ id }, place) => (key.includes(id) ? [place] : [])),
        accepted: item.kind === 'short' ? key.join(', ') : '',
      };
    }),
  };
}

/** One right choice in a single choice, several elsewhere. */
export function toggleRight(item: DraftItem, place: number): DraftItem {
  if (item.kind !== 'multiple') return { ...item, right: [place] };
  const right = item.right.includes(place) ? item.right.filter((known) => known !== place) : [...item.right, place];
  return { ...item, right: right.sort((a, b) => a - b) };
}

export function changeKind(item: DraftItem, kind: QuizItemKind): DraftItem {
  return { ...item, kind, right: kind === 'single' ? item.right.slice(0, 1) : item.right };
}

export function removeChoice(item: DraftItem, place: number): DraftItem {
  return {
    ...item,
    choices: item.choices.filter((_, at) => at !== place),
    right: item.right.filter((at) => at !== place).map((at) => (at > place ? at - 1 : at)),
  };
}

export interface PollDraft {
  question: string;
  choices: string[];
  multiple: boolean;
  anonymous: boolean;
}

export const emptyPoll = (): PollDraft => ({ question: '', choices: ['', ''], multiple: false, anonymous: false });

export function pollFault(draft: PollDraft): Key | null {
  const filled = draft.choices.map((choice) => choice.trim()).filter(Boolean);
  if (draft.question.trim() === '') return 'poll.fault.question';
  if (filled.length < CHOICES_MIN) return 'quiz.fault.choices';
  return new Set(filled).size < filled.length ? 'quiz.fault.same' : null;
}

export function pollOf(draft: PollDraft): NewPoll {
  return { ...draft, question: draft.question.trim(), choices: filledChoices(draft.choices).map(({ choice }) => choice) };
}

function filledChoices(texts: readonly string[]): { choice: Choice; place: number }[] {
  return texts
    .map((text, place) => ({ text: text.trim(), place }))
    .filter(({ text }) => text !== '')
    .map(({ text, place }, at) => ({ choice: { id: `c${at + 1}`, text }, place }));
}

function acceptedTexts(typed: string): string[] {
  return [
    ...new Set(
      typed
        .split(',')
        .map((text) => text.trim())
        .filter(Boolean),
    ),
  ];
}
