import type { desk as ko } from '../ko/desk';

export const desk: Record<keyof typeof ko, string> = {};
