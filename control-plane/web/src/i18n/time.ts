/** Days and hours: in the reader's zone, with the class's zone by its name. */

export type Language = 'ko' | 'en';

const LOCALE: Record<Language, string> = { ko: 'ko-KR', en: 'en-GB' };

/** The zone of the one who looks. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const HALVES: Record<string, string> = { AM: '오전', PM: '오후' };

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format costs more than using it, and lists use the same few. */
function format(language: Language, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language}${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(LOCALE[language], options);
  formats.set(key, made);
  return made;
}

/** `11월 23일 (월)`, with the year when it is another one. */
export function day(language: Language, ms: number, zone = ownZone(), nowMs = Date.now()): string {
  const year = (at: number) => format('en', { year: 'numeric', timeZone: zone }).format(at);
  const other = year(ms) === year(nowMs) ? {} : ({ year: 'numeric' } as const);
  const date = format(language, { month: 'long', day: 'numeric', timeZone: zone, ...other }).format(ms);
  const weekday = format(language, { weekday: 'short', timeZone: zone }).format(ms);
  return language === 'ko' ? `${date} (${weekday})` : `${weekday} ${date}`;
}

/** `오후 7:30`, `19:30`. */
export function hour(language: Language, ms: number, zone = ownZone()): string {
  // Some browsers' Korean says AM and PM: the words are ours.
  return format(language, { hour: 'numeric', minute: '2-digit', timeZone: zone })
    .formatToParts(ms)
    .map((part) => (part.type === 'dayPeriod' && language === 'ko' ? (HALVES[part.value] ?? part.value) : part.value))
    .join('');
}

export function dayAndHour(language: Language, ms: number, zone = ownZone(), nowMs = Date.now()): string {
  return `${day(language, ms, zone, nowMs)} ${hour(language, ms, zone)}`;
}

/** `대한민국 표준시`, `Korean Standard Time`; the identifier where the zone is not known here. */
export function zoneName(language: Language, zone: string, ms = Date.now()): string {
  try {
    const parts = format(language, { timeZone: zone, timeZoneName: 'long' }).formatToParts(ms);
    return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
  } catch {
    return zone;
  }
}

/** Whether two zones show the same clock at that moment. */
export function sameClock(a: string, b: string, ms: number): boolean {
  try {
    return offsetMs(a, ms) === offsetMs(b, ms);
  } catch {
    return false;
  }
}

/** How far the zone's clock is ahead of UTC at that moment. */
function offsetMs(zone: string, ms: number): number {
  const { date, time } = wallClock(ms, zone);
  const minute = Math.floor(ms / 60_000) * 60_000;
  return Date.parse(`${date}T${time}Z`) - minute;
}

/** What calendar and clock show in a zone, as date and time inputs want it. */
export function wallClock(ms: number, zone: string): { date: string; time: string } {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(ms);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  return { date: `${of('year')}-${of('month')}-${of('day')}`, time: `${of('hour')}:${of('minute')}` };
}

/**
 * The moment at which a zone's clock shows that. An hour that a change of the clock leaves out is read with the offset
 * before it; one that comes twice is its first.
 */
export function momentOf(date: string, time: string, zone: string): number | null {
  const asUtc = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(asUtc)) return null;
  const DAY_MS = 86_400_000;
  const before = offsetMs(zone, asUtc - DAY_MS);
  const after = offsetMs(zone, asUtc + DAY_MS);
  const first = asUtc - before;
  if (before === after || offsetMs(zone, first) === before) return first;
  const second = asUtc - after;
  return offsetMs(zone, second) === after ? second : first;
}

/** Zones to choose from; the reader's and Korea's first. */
export function zones(): string[] {
  const all = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [];
  return [...new Set([ownZone(), 'Asia/Seoul', ...all])];
}
