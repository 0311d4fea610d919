import type { shell as ko } from '../ko/shell';

export const shell: Record<keyof typeof ko, string> = {
  'app.name': 'Seodang',
  'app.tagline': 'Far away, and still in the room',
  'nav.classes': 'Classes',
  'nav.ops': 'Operations',
  'nav.main': 'Main menu',
  'nav.skip': 'Skip to content',
  'lang.switch': '한국어',
  'lang.switch.label': '한국어로 바꾸기',
  'common.loading': 'Loading…',
  'common.retry': 'Try again',
  'common.cancel': 'Cancel',
  'common.close': 'Close',
  'common.home': 'To the classes',
  'common.here': 'You',
  'common.unknown': 'unknown',
  'lost.title': 'There is no such page',
  'lost.text': 'The address has changed or was mistyped. Look for the class in the list.',
};
