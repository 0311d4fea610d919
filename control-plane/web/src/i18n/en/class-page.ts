import type { classPage as ko } from '../ko/class-page';

export const classPage: Record<keyof typeof ko, string> = {};
