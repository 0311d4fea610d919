/** Short-lived signs over the pictures: lossy, kept nowhere. */
export const REACTIONS = ['👍', '👏', '❤️', '😂', '🤔', '🙏'] as const;

/** So many at once in sight; a packed class sends more than anybody can see. */
export const SHOWN_MAX = 12;
export const SHOWN_MS = 3_500;
/** Own reactions are sent at most this often. */
export const OWN_PAUSE_MS = 400;
const PACKET_BYTES_MAX = 64;

export interface Reaction {
  id: number;
  emoji: string;
  atMs: number;
  /** Where across the stage, 0 to 1. */
  place: number;
}

export function writeReaction(emoji: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ e: emoji }));
}

/** Only the signs known here are shown: a packet is text from anybody. */
export function readReaction(payload: Uint8Array): string | null {
  if (payload.byteLength > PACKET_BYTES_MAX) return null;
  try {
    const said = JSON.parse(new TextDecoder().decode(payload)) as { e?: unknown };
    return REACTIONS.find((known) => known === said.e) ?? null;
  } catch {
    return null;
  }
}

/** Adds one, lets the oldest go. */
export function show(shown: readonly Reaction[], emoji: string, nowMs: number): Reaction[] {
  const id = (shown.at(-1)?.id ?? 0) + 1;
  // Spread over the stage without chance: neighbours in time are not neighbours in place.
  return [...shown, { id, emoji, atMs: nowMs, place: (id * 0.382) % 1 }].slice(-SHOWN_MAX);
}

export const fade = (shown: readonly Reaction[], nowMs: number): Reaction[] =>
  shown.filter(({ atMs }) => nowMs - atMs < SHOWN_MS);
