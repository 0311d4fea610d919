import type { TimelineEvent } from '../api/types';
import type { Translate } from '../i18n';

/** One line about something that happened in class. Kinds this page does not know are shown by their name. */
export function describeEvent(t: Translate, event: TimelineEvent): string {
  const data = (typeof event.data === 'object' && event.data !== null ? event.data : {}) as Record<string, unknown>;
  const text = (...names: string[]) => names.map((name) => data[name]).find((value): value is string => typeof value === 'string' && value !== '');
  const name = text('name', 'identity', 'participant') ?? t('common.unknown');
  const screen = text('source')?.startsWith('screen') ?? false;
  switch (event.kind) {
    case 'chat': return `${name}: ${text('text', 'message') ?? ''}`;
    case 'joined': case 'participant_joined': return t('event.joined', { name });
    case 'left': case 'participant_left': return t('event.left', { name });
    case 'published': case 'track_published': return t(screen ? 'event.screen' : 'event.published', { name });
    case 'unpublished': case 'track_unpublished': return t('event.unpublished', { name });
    case 'hand': return t('event.hand', { name });
    case 'start': case 'started': return t('event.start');
    case 'end': case 'ended': return t('event.end');
    default: return [event.kind, text('name', 'identity'), text('text', 'title')].filter(Boolean).join(' · ');
  }
}
