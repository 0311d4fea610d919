import { useEffect, useRef, useState } from 'react';
import type { TimelineEvent } from '../api/contract';
import { useT } from '../i18n';
import { Icon } from '../ui/icons';
import { Loading } from '../ui/notice';
import { type Choice, inSight, isChosen, isTeacher, pickMain, spotlightAt, type Teacher } from './focus';
import type { PlayerView, ReplayView } from './view';

interface StageProps {
  view: ReplayView;
  events: readonly TimelineEvent[];
  teacher: Teacher | null;
  onToggle: () => void;
}

/** One picture large, the others beside it. The viewer may pin any of them; else the class decides. */
export function Stage({ view, events, teacher, onToggle }: StageProps) {
  const t = useT();
  const [chosen, setChosen] = useState<Choice | null>(null);
  const active = view.players.filter((player) => player.active && !player.failed);
  const entries = active.map((player) => player.entry);
  const seen = new Set(inSight(entries).map(({ id }) => id));
  const main = pickMain(entries, {
    chosen,
    teacher,
    spotlight: spotlightAt(events, view.timeMs),
    master: view.players.find((player) => player.master)?.entry.id ?? null,
  });
  return (
    <div className="replay-stage" data-testid="replay-stage" data-tiles={seen.size}>
      <div className="replay-strip">
        {view.players.map((player) => (
          <MediaTile
            key={player.entry.id}
            player={player}
            shown={seen.has(player.entry.id)}
            main={player.entry.id === main}
            teaches={isTeacher(player.entry, teacher)}
            pinned={isChosen(player.entry, chosen)}
            onPin={setChosen}
          />
        ))}
      </div>
      {/* As in every player. Keys and screen readers have the button below. */}
      <div className="stage-toggle" data-testid="replay-stage-toggle" onClick={onToggle}>
        {!view.playing && !view.buffering && (
          <span className="big-play" aria-hidden="true">
            <Icon name="play" size={34} />
          </span>
        )}
      </div>
      {main === null && <p className="replay-empty">{t('replay.nothing')}</p>}
      {view.buffering && (
        <div className="replay-wait">
          <Loading text={t('replay.buffering')} />
        </div>
      )}
    </div>
  );
}

interface TileProps {
  player: PlayerView;
  shown: boolean;
  main: boolean;
  teaches: boolean;
  pinned: boolean;
  onPin: (choice: Choice | null) => void;
}

/**
 * The element belongs to the engine and is only put up here. Tiles keep their place in the document and move by style:
 * a media element that is taken out and put in again would stop playing.
 */
function MediaTile({ player, shown, main, teaches, pinned, onPin }: TileProps) {
  const t = useT();
  const holder = useRef<HTMLDivElement>(null);
  const { entry, element } = player;
  const screen = entry.source === 'screen_share';
  const name = entry.name || entry.identity;
  const label = screen ? t('live.screen.of', { name }) : name;
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
      data-active={player.active}
      data-main={main}
      data-video={entry.has_video}
      data-teacher={teaches}
      hidden={!shown}
    >
      <div className="media-holder" ref={holder} />
      {!entry.has_video && (
        <span className="media-initial" aria-hidden="true">
          {[...name.trim()][0] ?? '·'}
        </span>
      )}
      {shown && (
        <button
          type="button"
          className={main ? 'media-pin' : 'media-choose'}
          data-testid="replay-pin"
          aria-label={t(pinned ? 'replay.unpin' : main ? 'replay.pin' : 'replay.enlarge', { name: label })}
          aria-pressed={pinned}
          title={t(pinned ? 'replay.unpin' : main ? 'replay.pin' : 'replay.enlarge', { name: label })}
          onClick={() => onPin(pinned ? null : { identity: entry.identity, source: entry.source })}
        >
          {main && <Icon name="pin" size={18} />}
        </button>
      )}
      <span className="media-name">
        {screen && <Icon name="screen" size={15} />}
        {!entry.has_video && <Icon name="mic" size={15} />}
        <span>{label}</span>
        {teaches && !screen && <span className="media-role">{t('live.role.instructor')}</span>}
      </span>
    </div>
  );
}
