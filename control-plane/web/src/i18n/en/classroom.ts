import type { classroom as ko } from '../ko/classroom';

export const classroom: Record<keyof typeof ko, string> = {};
