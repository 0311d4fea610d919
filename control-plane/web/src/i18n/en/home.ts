import type { home as ko } from '../ko/home';

export const home: Record<keyof typeof ko, string> = {
  'home.title': 'Classes',
  'home.intro':
    'You join through a server near you, so faces and voices come through even on a weak network. Missed one? Watch it again.',
  'home.categories': 'Browse by subject',
  'home.live': 'Live now',
  'home.for_you': 'You may like',
  'home.for_all': 'Often chosen',
  'home.upcoming': 'Upcoming',
  'home.replay': 'Watch again',
  'home.next': 'Your next class',
  'home.next.live': 'Your class is on',
  'home.next.open': 'See the class',
  'home.empty.title': 'No classes yet',
  'home.empty.text': 'Say what you would like to learn: instructors see it, and you are told when such a class opens.',
  'home.empty.teach': 'Open the first one: a title and an hour are enough.',
  'home.wish.title': 'Not finding your class?',
  'home.wish.text': 'Say what you would like to learn. Instructors see it, and you are told when such a class opens.',
  'home.wish.action': 'Wish for a class',
  'home.join': 'Join',
  'home.watch': 'Watch again',
  'home.recorded': 'Recorded',
  'home.preparing': 'Replay in preparation',
  'home.by': 'with {name}',
};
