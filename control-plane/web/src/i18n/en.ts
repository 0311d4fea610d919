import type { Key } from './ko';
import { account } from './en/account';
import { board } from './en/board';
import { catalogue } from './en/catalogue';
import { classPage } from './en/class-page';
import { classroom } from './en/classroom';
import { desk } from './en/desk';
import { errors } from './en/errors';
import { home } from './en/home';
import { live } from './en/live';
import { lobby } from './en/lobby';
import { notices } from './en/notices';
import { ops } from './en/ops';
import { replay } from './en/replay';
import { shell } from './en/shell';
import { words } from './en/words';

export const en: Record<Key, string> = {
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
};
