import { account } from './ko/account';
import { board } from './ko/board';
import { catalogue } from './ko/catalogue';
import { classPage } from './ko/class-page';
import { classroom } from './ko/classroom';
import { desk } from './ko/desk';
import { errors } from './ko/errors';
import { home } from './ko/home';
import { live } from './ko/live';
import { lobby } from './ko/lobby';
import { notices } from './ko/notices';
import { ops } from './ko/ops';
import { replay } from './ko/replay';
import { shell } from './ko/shell';
import { words } from './ko/words';

/** Korean, the first language: its keys are the keys. `{name}` is filled in. A part for each area of the pages. */
export const ko = {
  ...shell,
  ...errors,
  ...words,
  ...home,
  ...account,
  ...catalogue,
  ...classPage,
  ...notices,
  ...board,
  ...desk,
  ...lobby,
  ...classroom,
  ...live,
  ...replay,
  ...ops,
} as const;

export type Key = keyof typeof ko;
