import type { Translate } from '.';

/** `3:07`, `1:02:09`: a moment of a class. */
export function clock(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const seconds = String(total % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}

export function bitrate(bps: number): string {
  if (bps <= 0) return '0';
  if (bps < 1e3) return `${Math.round(bps)} bit/s`;
  if (bps < 1e6) return `${trim(bps / 1e3)} kbit/s`;
  if (bps < 1e9) return `${trim(bps / 1e6)} Mbit/s`;
  return `${trim(bps / 1e9)} Gbit/s`;
}

function trim(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

/** `820 B`, `1.4 MB`: the size of a file. */
export function bytes(count: number): string {
  if (count < 1e3) return `${count} B`;
  return count < 1e6 ? `${trim(count / 1e3)} kB` : `${trim(count / 1e6)} MB`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)}%`;
}

/** Length of a span in its largest unit. */
export function span(t: Translate, ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t('time.seconds', { n: seconds });
  if (seconds < 3600) return t('time.minutes', { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t('time.hours', { n: Math.floor(seconds / 3600) });
  return t('time.days', { n: Math.floor(seconds / 86_400) });
}

export function ago(t: Translate, atMs: number, nowMs: number): string {
  return nowMs - atMs < 10_000 ? t('time.now') : t('time.ago', { span: span(t, nowMs - atMs) });
}
