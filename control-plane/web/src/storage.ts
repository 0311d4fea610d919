/** What the page remembers. Private windows may forbid storage: then it simply forgets. */

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`seodang.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`seodang.${key}`, value);
  } catch {
    // Forgetting is the only harm.
  }
}

/** This tab's identity: kept over a reload (so that a rejoin replaces the old presence), new in every tab. */
export function tabIdentity(): string {
  const fresh = `u-${randomId(10)}`;
  try {
    const known = sessionStorage.getItem('seodang.identity');
    if (known) return known;
    sessionStorage.setItem('seodang.identity', fresh);
  } catch {
    // A new identity at each load is the only harm.
  }
  return fresh;
}

export function randomId(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => 'abcdefghijkmnpqrstuvwxyz23456789'[byte % 32]).join('');
}
