import type { RefObject } from 'react';
import type { Manifest, TimelineEvent } from '../api/contract';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { Icon } from '../ui/icons';
import type { Engine } from './engine';
import { isListed } from './events';
import type { ReplayView } from './view';
import { JUMP_MS, RATES, toggleFullscreen } from './keys';

/** "Now" of a running class: so far behind that the next segments are there in time. */
const LIVE_BEHIND_MS = 8_000;
/** What people look for again; the rest would only crowd the bar. */
const MARKED = new Set(['quiz', 'poll', 'question', 'publish', 'slide', 'chat']);

interface ControlsProps {
  engine: Engine;
  view: ReplayView;
  manifest: Manifest;
  events: readonly TimelineEvent[];
  frame: RefObject<HTMLDivElement | null>;
}

export function Controls({ engine, view, manifest, events, frame }: ControlsProps) {
  const t = useT();
  const label = t(view.playing ? 'replay.pause' : 'replay.play');
  return (
    <div className="controls">
      <SeekBar engine={engine} view={view} manifest={manifest} events={events} />
      <div className="controls-row">
        <button
          type="button"
          className="round-play"
          data-testid="replay-play"
          data-playing={view.playing}
          aria-label={label}
          title={label}
          onClick={() => (view.playing ? engine.pause() : engine.play())}
        >
          <Icon name={view.playing ? 'pause' : 'play'} size={24} />
        </button>
        <button
          type="button"
          className="quiet icon-only"
          data-testid="replay-back"
          aria-label={t('replay.back')}
          title={t('replay.back')}
          onClick={() => engine.seek(engine.now() - JUMP_MS)}
        >
          <Icon name="back" />
        </button>
        <button
          type="button"
          className="quiet icon-only"
          data-testid="replay-forward"
          aria-label={t('replay.forward')}
          title={t('replay.forward')}
          onClick={() => engine.seek(engine.now() + JUMP_MS)}
        >
          <Icon name="forward" />
        </button>
        <span className="controls-time" data-testid="replay-time" data-ms={Math.round(view.timeMs)}>
          {clock(view.timeMs)} <span className="soft">/ {clock(view.durationMs)}</span>
        </span>
        {manifest.state === 'live' && (
          <button
            type="button"
            className="quiet live-edge"
            data-testid="replay-live-edge"
            onClick={() => engine.seek(manifest.duration_ms - LIVE_BEHIND_MS)}
          >
            {t('replay.live.edge')}
          </button>
        )}
        <span className="spacer" />
        <button
          type="button"
          className="quiet icon-only"
          data-testid="replay-mute"
          aria-pressed={view.muted}
          aria-label={t(view.muted ? 'replay.unmute' : 'replay.mute')}
          onClick={() => engine.setVolume(view.volume, !view.muted)}
        >
          <Icon name={view.muted || view.volume === 0 ? 'sound-off' : 'sound'} />
        </button>
        <input
          type="range"
          className="volume"
          min={0}
          max={1}
          step={0.05}
          value={view.muted ? 0 : view.volume}
          aria-label={t('replay.volume')}
          data-testid="replay-volume"
          onChange={(event) => engine.setVolume(Number(event.target.value), false)}
        />
        <select
          className="rate"
          aria-label={t('replay.rate')}
          title={t('replay.rate')}
          data-testid="replay-rate"
          value={view.rate}
          onChange={(event) => engine.setRate(Number(event.target.value))}
        >
          {RATES.map((rate) => (
            <option key={rate} value={rate}>
              {rate}×
            </option>
          ))}
        </select>
        <button
          type="button"
          className="quiet icon-only full"
          aria-label={t('replay.fullscreen')}
          title={t('replay.fullscreen')}
          onClick={() => toggleFullscreen(frame.current)}
        >
          <Icon name="full" />
        </button>
      </div>
    </div>
  );
}

/** The class from end to end: where we are, what happened, what is missing. */
function SeekBar({ engine, view, manifest, events }: Omit<ControlsProps, 'frame'>) {
  const t = useT();
  const length = Math.max(1, view.durationMs);
  const share = (ms: number) => `${Math.max(0, Math.min(100, (ms / length) * 100))}%`;
  return (
    <div className="seek">
      <div className="seek-track" aria-hidden="true">
        <i className="seek-done" style={{ width: share(view.timeMs) }} />
        {manifest.presentations.flatMap((entry) =>
          entry.gaps.map((gap) => (
            <i
              key={`${entry.id}-${gap.start_ms}`}
              className="seek-gap"
              style={{ left: share(gap.start_ms), width: share(gap.end_ms - gap.start_ms) }}
            />
          )),
        )}
        {events
          .filter((event) => MARKED.has(event.kind) && isListed(event))
          .map((event, place) => (
            <i key={place} className="seek-event" data-kind={event.kind} style={{ left: share(event.at_ms) }} />
          ))}
      </div>
      <input
        type="range"
        min={0}
        max={Math.round(length)}
        step={100}
        value={Math.round(view.timeMs)}
        data-testid="replay-seek"
        aria-label={t('replay.seek')}
        aria-valuetext={`${clock(view.timeMs)} / ${clock(view.durationMs)}`}
        onChange={(event) => engine.seek(Number(event.target.value))}
      />
    </div>
  );
}
