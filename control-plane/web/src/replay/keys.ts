import type { Engine } from './engine';

export const STEP_MS = 5_000;
export const JUMP_MS = 10_000;

export const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2] as const;

/**
 * Player keys as everywhere: space or k, arrows, j and l, < and >, m, f, Home and End; q asks a question. Fields, tabs and
 * buttons keep theirs.
 */
export function handleKey(event: KeyboardEvent, engine: Engine, frame: HTMLElement | null, ask: () => void): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest('input:not([type=range]), select, textarea, [role=tab], dialog')) return;
  if (event.key === ' ' && target?.closest('button, a')) return;
  const act = event.key === 'q' || event.key === 'ㅂ' ? ask : action(event.key, engine, frame);
  if (!act) return;
  event.preventDefault();
  act();
}

function action(key: string, engine: Engine, frame: HTMLElement | null): (() => void) | null {
  const view = engine.view();
  switch (key) {
    case ' ':
    case 'k':
      return () => (view.playing ? engine.pause() : engine.play());
    case 'ArrowLeft':
      return () => engine.seek(engine.now() - STEP_MS);
    case 'ArrowRight':
      return () => engine.seek(engine.now() + STEP_MS);
    case 'j':
      return () => engine.seek(engine.now() - JUMP_MS);
    case 'l':
      return () => engine.seek(engine.now() + JUMP_MS);
    case 'Home':
      return () => engine.seek(0);
    case 'End':
      return () => engine.seek(view.durationMs);
    case '<':
      return () => engine.setRate(RATES.findLast((rate) => rate < view.rate) ?? view.rate);
    case '>':
      return () => engine.setRate(RATES.find((rate) => rate > view.rate) ?? view.rate);
    case 'm':
      return () => engine.setVolume(view.volume, !view.muted);
    case 'f':
      return () => toggleFullscreen(frame);
    default:
      return null;
  }
}

export function toggleFullscreen(frame: HTMLElement | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void frame?.requestFullscreen?.().catch(() => undefined);
}
