/** Figures made ready to draw. */

/** Longer classes than this are drawn by their first minutes: a day. */
const MINUTES_MAX = 1_440;

/** A number for each minute of the class, those without one too. */
export function byMinute(moments: readonly { minute: number; n: number }[], durationMs: number): number[] {
  const last = Math.max(Math.ceil(durationMs / 60_000) - 1, ...moments.map(({ minute }) => minute), 0);
  const minutes = new Array<number>(Math.min(last + 1, MINUTES_MAX)).fill(0);
  for (const { minute, n } of moments) {
    if (Number.isInteger(minute) && minute >= 0 && minute < minutes.length) minutes[minute] = (minutes[minute] ?? 0) + n;
  }
  return minutes;
}

/** Choices with their counts in class and in replays, most chosen in class first; what only replays have comes last. */
export function choicesOf(
  inClass: readonly { text: string; n: number }[],
  inReplay: readonly { text: string; n: number }[],
): { text: string; n: number; replay: number }[] {
  const replays = new Map(inReplay.map(({ text, n }) => [text, n]));
  const both = [...inClass].sort((a, b) => b.n - a.n).map((choice) => ({ ...choice, replay: replays.get(choice.text) ?? 0 }));
  const known = new Set(inClass.map(({ text }) => text));
  const others = inReplay.filter(({ text }) => !known.has(text)).map(({ text, n }) => ({ text, n: 0, replay: n }));
  return [...both, ...others.sort((a, b) => b.replay - a.replay)];
}

/** The largest parts of a whole, the rest as one. */
export function largest(parts: Record<string, number>, count: number): { name: string; n: number }[] {
  return Object.entries(parts)
    .map(([name, n]) => ({ name, n }))
    .filter(({ n }) => n > 0)
    .sort((a, b) => b.n - a.n || a.name.localeCompare(b.name))
    .slice(0, count);
}

export type Trend = 'rising' | 'falling' | 'steady';

/** How the later half of the weeks compares with the earlier one; a fifth more or less is no change. */
export function trendOf(weekly: readonly number[]): Trend {
  const half = Math.floor(weekly.length / 2);
  const sum = (part: readonly number[]) => part.reduce((total, n) => total + n, 0);
  const before = sum(weekly.slice(0, half));
  const after = sum(weekly.slice(weekly.length - half));
  if (after > before * 1.2) return 'rising';
  return after < before * 0.8 ? 'falling' : 'steady';
}
