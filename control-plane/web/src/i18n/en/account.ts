import type { account as ko } from '../ko/account';

export const account: Record<keyof typeof ko, string> = {};
