import type { notices as ko } from '../ko/notices';

export const notices: Record<keyof typeof ko, string> = {};
