import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Manifest, TimelineEvent } from '../api/contract';
import { useT } from '../i18n';
import { clock } from '../i18n/format';
import { Link } from '../router';
import { Loading } from '../ui/notice';
import { pickMain } from './clock';
import { Controls } from './controls';
import type { Engine } from './engine';
import { describeEvent } from './events';
import { handleKey } from './keys';
import type { PlayerView } from './view';

/** Pictures, controls and events of one replay. */
export function Deck({
  engine,
  manifest,
  events,
  classId,
}: {
  engine: Engine;
  manifest: Manifest;
  events: TimelineEvent[];
  classId: string;
}) {
  const t = useT();
  const view = useSyncExternalStore(engine.subscribe, engine.view);
  const [chosen, setChosen] = useState<string | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const active = view.players.filter((player) => player.active && !player.failed);
  const master = view.players.find((player) => player.master)?.entry.id ?? null;
  const main = pickMain(
    active.map((player) => player.entry),
    chosen,
    master,
  );
  const failed = view.players.find((player) => player.failed && player.active);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => handleKey(event, engine, frame.current);
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [engine]);

  return (
    <div className="deck">
      <div className="deck-player" ref={frame}>
        <div
          className="replay-stage"
          data-testid="replay-stage"
          data-pictures={active.filter((player) => player.entry.has_video).length}
        >
          {view.players.map((player) => (
            <MediaTile
              key={player.entry.id}
              player={player}
              main={player.entry.id === main}
              onChoose={() => setChosen(player.entry.id === main ? null : player.entry.id)}
            />
          ))}
          {main === null && <p className="replay-empty">{t(active.length > 0 ? 'replay.audio_only' : 'replay.nothing')}</p>}
          {view.buffering && (
            <div className="replay-wait">
              <Loading text={t('replay.buffering')} />
            </div>
          )}
        </div>
        <Controls engine={engine} view={view} manifest={manifest} events={events} frame={frame} />
      </div>
      <div className="deck-notes">
        {view.blocked && (
          <p className="deck-note" role="alert">
            {t('replay.blocked')}
          </p>
        )}
        {failed && (
          <p className="deck-note" role="alert">
            {t('replay.media_failed', { name: failed.entry.name || failed.entry.identity })}
          </p>
        )}
        {manifest.state === 'live' && (
          <p className="deck-note" data-testid="replay-live">
            {t('replay.live')}
            <Link className="button" href={`/class/${encodeURIComponent(classId)}`}>
              {t('replay.join')}
            </Link>
          </p>
        )}
        {manifest.state === 'partial' && <p className="deck-note">{t('replay.partial')}</p>}
      </div>
      <EventList events={events} timeMs={view.timeMs} onSeek={(atMs) => engine.seek(atMs)} />
    </div>
  );
}

/**
 * The element belongs to the engine and is only put up here. Tiles keep their place in the document and move by style:
 * a media element that is taken out and put in again would stop playing.
 */
function MediaTile({ player, main, onChoose }: { player: PlayerView; main: boolean; onChoose: () => void }) {
  const t = useT();
  const holder = useRef<HTMLDivElement>(null);
  const { entry, element, active } = player;
  const name = entry.name || entry.identity;
  useEffect(() => {
    holder.current?.replaceChildren(element);
  }, [element]);
  return (
    <div
      className="media-tile"
      data-testid="presentation"
      data-id={entry.id}
      data-source={entry.source}
      data-identity={entry.identity}
      data-active={active}
      data-main={main}
      data-video={entry.has_video}
      hidden={!active}
    >
      <div className="media-holder" ref={holder} />
      <button
        type="button"
        className="media-choose"
        tabIndex={entry.has_video ? 0 : -1}
        disabled={!entry.has_video}
        aria-label={t('replay.enlarge', { name })}
        aria-pressed={main}
        onClick={onChoose}
      />
      <span className="tile-label media-name">{entry.source === 'screen_share' ? t('live.screen.of', { name }) : name}</span>
    </div>
  );
}

function EventList({ events, timeMs, onSeek }: { events: TimelineEvent[]; timeMs: number; onSeek: (atMs: number) => void }) {
  const t = useT();
  const latest = events.findLastIndex((event) => event.at_ms <= timeMs);
  return (
    <section className="events" aria-labelledby="events-heading">
      <h2 id="events-heading">{t('replay.events')}</h2>
      {events.length === 0 && <p className="soft">{t('replay.events.empty')}</p>}
      <ol>
        {events.map((event, place) => (
          <li key={`${event.at_ms}-${place}`}>
            <button
              type="button"
              className="quiet event"
              data-testid="timeline-event"
              data-kind={event.kind}
              data-at={event.at_ms}
              aria-current={place === latest ? 'true' : undefined}
              onClick={() => onSeek(event.at_ms)}
            >
              <time>{clock(event.at_ms)}</time>
              <span>{describeEvent(t, event)}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
