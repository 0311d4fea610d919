/** What can be said about an entry before the server is asked; the server decides. */

export const CODE_LENGTH = 6;
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_LENGTH_MAX = 128;
export const NAME_LENGTH_MAX = 60;

/** The digits of what was typed or pasted: `123 456`, `１２３４５６`, a whole line of the mail. */
export function digitsOf(text: string): string {
  return text.normalize('NFKC').replace(/\D/g, '').slice(0, CODE_LENGTH);
}

/** Something before and after one `@`, and a dot after it. */
export function looksLikeMail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text.trim());
}

/** Counted as people see characters. */
export function longEnough(password: string): boolean {
  return [...password].length >= PASSWORD_LENGTH_MIN;
}

const OIDC_FAILURES = {
  oidc_known: 'signin.oidc.known',
  oidc_expired: 'signin.oidc.expired',
  oidc_away: 'signin.oidc.away',
  oidc_denied: 'signin.oidc.denied',
  disabled: 'signin.oidc.disabled',
} as const;

/** What to say about the sign-in page's `error`; a word of a later version is a failure like any other. */
export function oidcFailure(
  error: string | null,
): (typeof OIDC_FAILURES)[keyof typeof OIDC_FAILURES] | 'signin.oidc.failed' {
  const known = Object.entries(OIDC_FAILURES).find(([word]) => word === error);
  return known ? known[1] : 'signin.oidc.failed';
}
