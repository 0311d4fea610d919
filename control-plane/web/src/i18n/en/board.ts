import type { board as ko } from '../ko/board';

export const board: Record<keyof typeof ko, string> = {};
