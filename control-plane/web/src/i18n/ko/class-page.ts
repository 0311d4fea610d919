export const classPage = {} as const;
