import type { catalogue as ko } from '../ko/catalogue';

export const catalogue: Record<keyof typeof ko, string> = {};
