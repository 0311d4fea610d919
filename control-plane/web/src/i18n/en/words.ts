import type { words as ko } from '../ko/words';

export const words: Record<keyof typeof ko, string> = {
  'time.days': '{n} d',
  'time.hours': '{n} h',
  'time.minutes': '{n} min',
  'time.seconds': '{n} s',
  'time.ago': '{span} ago',
  'time.now': 'just now',
  'region.seoul': 'Seoul',
  'region.gangneung': 'Gangneung',
  'region.jeju': 'Jeju',
  'region.busan': 'Busan',
  'region.daejeon': 'Daejeon',
  'region.gwangju': 'Gwangju',
  'region.daegu': 'Daegu',
  'region.incheon': 'Incheon',
  'region.ulsan': 'Ulsan',
  'region.chuncheon': 'Chuncheon',
  'region.jeonju': 'Jeonju',
  'region.mokpo': 'Mokpo',
};
