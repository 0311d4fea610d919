import type { TimelineEvent } from '../api/contract';
import type { Translate } from '../i18n';

type Data = Record<string, unknown>;

const record = (value: unknown): Data => (typeof value === 'object' && value !== null ? (value as Data) : {});
const dataOf = (event: TimelineEvent): Data => record(event.data);

function text(data: Data, ...names: string[]): string | undefined {
  return names.map((name) => data[name]).find((value): value is string => typeof value === 'string' && value !== '');
}

/** Said anew at each change of the same thing: it stands once, where it began, as it is in the end. */
const REPEATED = new Set(['chat', 'quiz', 'poll', 'question']);

/**
 * What a reader wants to find again, and whom the light was on. Muting, and sound and picture that come with joining, are
 * left out; what was taken back is gone. Names are filled in where only an identity was noted.
 */
export function readable(events: readonly TimelineEvent[]): TimelineEvent[] {
  const names = new Map(
    events.flatMap((event) => {
      const data = dataOf(event);
      const [identity, name] = [text(data, 'identity'), text(data, 'name')];
      return identity && name ? [[identity, name] as const] : [];
    }),
  );
  const shown: TimelineEvent[] = [];
  const places = new Map<string, number>();
  let raised = new Set<string>();
  for (const event of events) {
    if (event.kind === 'hand' && Array.isArray(event.data)) {
      const queue = event.data.map(handOf);
      for (const hand of queue) if (!raised.has(hand.identity)) shown.push({ ...event, data: hand });
      raised = new Set(queue.map(({ identity }) => identity));
      continue;
    }
    const data = { ...dataOf(event) };
    if (event.kind === 'mute' || event.kind === 'unmute') continue;
    if (event.kind === 'publish' && text(data, 'source') !== 'screen_share') continue;
    data.name ??= names.get(text(data, 'identity') ?? '') ?? text(record(data.from), 'name');
    const named = typeof event.data === 'object' && event.data !== null ? { ...event, data } : event;
    const id = REPEATED.has(event.kind) ? text(data, 'id') : undefined;
    const earlier = id === undefined ? undefined : places.get(`${event.kind} ${id}`);
    const first = earlier === undefined ? undefined : shown[earlier];
    if (earlier !== undefined && first) {
      shown[earlier] = { ...named, at_ms: first.at_ms, data: { ...dataOf(first), ...data } };
      continue;
    }
    if (id !== undefined) places.set(`${event.kind} ${id}`, shown.length);
    shown.push(named);
  }
  return shown.filter((event) => !isGone(dataOf(event)));
}

const isGone = (data: Data): boolean => data.deleted === true || data.hidden === true || data.state === 'hidden';

/** Of the queue of hands, as the room heard it. */
function handOf(hand: unknown): { identity: string; name: string } {
  const account = record(record(hand).account);
  return { identity: text(account, 'id') ?? '', name: text(account, 'name') ?? '' };
}

/** What stands in the list: whom the light was on is seen in the pictures, and that no slide is shown by the next one. */
export const isListed = (event: TimelineEvent): boolean =>
  event.kind !== 'spotlight' && !(event.kind === 'slide' && event.data === null);

/** One line about something that happened in class. Kinds this page does not know are shown by their name. */
export function describeEvent(t: Translate, event: TimelineEvent): string {
  const data = dataOf(event);
  const name = text(data, 'name', 'identity') ?? t('common.unknown');
  switch (event.kind) {
    case 'chat':
      return `${name}: ${text(data, 'text') ?? ''}`;
    case 'join':
      return t('event.joined', { name });
    case 'leave':
      return t('event.left', { name });
    case 'publish':
      return t('event.screen', { name });
    case 'hand':
      return t('event.hand', { name });
    case 'slide': {
      const title = text(data, 'title', 'text');
      if (!title) return event.kind;
      return typeof data.page === 'number' ? t('event.slide.page', { title, page: data.page }) : t('event.slide', { title });
    }
    case 'quiz':
    case 'poll': {
      const title = text(data, 'title', 'question', 'text');
      return title ? t(`event.${event.kind}`, { title }) : event.kind;
    }
    case 'question':
      return t('event.question', { text: text(data, 'text') ?? '' });
    default:
      return [event.kind, text(data, 'name', 'identity'), text(data, 'text', 'title')].filter(Boolean).join(' · ');
  }
}
