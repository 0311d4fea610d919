import type { TimelineEvent } from '../api/contract';
import type { Translate } from '../i18n';

type Data = Record<string, unknown>;

const dataOf = (event: TimelineEvent): Data =>
  typeof event.data === 'object' && event.data !== null ? (event.data as Data) : {};

function text(data: Data, ...names: string[]): string | undefined {
  return names.map((name) => data[name]).find((value): value is string => typeof value === 'string' && value !== '');
}

/**
 * What a reader wants to find again, and whom the light was on. Muting, and sound and picture that come with joining, are left out; a message that
 * was taken back is gone, an edited one stands once, where it was first said, as it was last said. Names are filled in
 * where only an identity was noted.
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
  const messages = new Map<string, number>();
  for (const event of events) {
    const data = { ...dataOf(event) };
    if (event.kind === 'mute' || event.kind === 'unmute') continue;
    if (event.kind === 'publish' && text(data, 'source') !== 'screen_share') continue;
    data.name ??= names.get(text(data, 'identity') ?? '');
    const named = typeof event.data === 'object' ? { ...event, data } : event;
    const id = event.kind === 'chat' ? text(data, 'id') : undefined;
    const earlier = id === undefined ? undefined : messages.get(id);
    const first = earlier === undefined ? undefined : shown[earlier];
    if (earlier !== undefined && first) {
      shown[earlier] = { ...named, at_ms: first.at_ms };
      continue;
    }
    if (id !== undefined) messages.set(id, shown.length);
    shown.push(named);
  }
  return shown.filter((event) => dataOf(event).deleted !== true);
}

/** What stands in the list: whom the light was on is seen in the pictures. */
export const isListed = (event: TimelineEvent): boolean => event.kind !== 'spotlight';

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
    case 'quiz':
    case 'poll':
    case 'slide': {
      const title = text(data, 'title', 'question', 'text');
      return title ? t(`event.${event.kind}`, { title }) : event.kind;
    }
    case 'question':
      return t('event.question', { text: text(data, 'text') ?? '' });
    default:
      return [event.kind, text(data, 'name', 'identity'), text(data, 'text', 'title')].filter(Boolean).join(' · ');
  }
}
