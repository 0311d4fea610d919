import { type CSSProperties, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useT } from '../i18n';
import { GAP_PX, type GridShape, gridShape } from './grid';
import { orderPeople } from './order';
import { ScreenTile, Tile } from './tile';
import type { Person } from './view';

/** Tiles beside a shared screen; the rest is in the list of people. */
const STRIP_TILES = 8;
const COLUMN_WIDTH_MAX_PX = 260;

interface StageProps {
  people: readonly Person[];
  /** Whom everybody sees large, by the instructor's choice. */
  spotlight: string | null;
  /** A sheet leaves room for one picture only: what is shown, or who teaches. */
  compact: boolean;
}

/** Everybody's pictures: an even grid, or a shared screen with a strip of faces. */
export function Stage({ people, spotlight, compact }: StageProps) {
  const t = useT();
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const order = useRef<string[]>([]);
  const screens = people.filter((person) => person.screen);
  // A screen is what there is to see; without one it is who is in the light.
  const lit = screens.length === 0 ? people.find((person) => person.identity === spotlight && people.length > 1) : undefined;
  const large = screens.length > 0 || lit !== undefined;
  const shape = gridShape(compact ? 1 : people.length, size.width, size.height);
  // Beside a screen there is a column, below one (on a phone) a grid.
  const column = large && size.width < COLUMN_WIDTH_MAX_PX;
  const places = column ? STRIP_TILES : shape.shown;
  const ordered = orderPeople(lit ? people.filter((person) => person !== lit) : people, order.current, places);
  useEffect(() => {
    order.current = ordered.map((person) => person.identity);
  });
  const hidden = compact ? 0 : ordered.length - places;
  const tiles = ordered.slice(0, places).map((person) => <Tile key={person.identity} person={person} small={column} />);
  return (
    <div className="stage" data-screens={large} data-compact={compact} data-testid="grid">
      {large && (
        <div className="screens">
          {lit && <LitTile person={lit} />}
          {screens.map((person) => (
            <ScreenTile key={person.identity} person={person} />
          ))}
        </div>
      )}
      {/* Beside a screen the strip scrolls, so it can be reached by keyboard. */}
      <div className="tiles-box" ref={box} {...(column ? { role: 'group', tabIndex: 0, 'aria-label': t('live.grid') } : {})}>
        <ul
          className={column ? 'strip' : 'tiles'}
          aria-label={t('live.grid')}
          style={column ? undefined : sizesOf(shape)}
        >
          {tiles}
        </ul>
      </div>
      {people.length === 1 && screens.length === 0 && <p className="stage-note">{t('live.alone')}</p>}
      {hidden > 0 && <p className="stage-note">{t('live.more', { count: hidden })}</p>}
    </div>
  );
}

/** Rows of tiles of one size; the last row, too, stands in the middle. */
function sizesOf({ columns, tileWidth, tileHeight }: GridShape): CSSProperties {
  const width = columns * tileWidth + (columns - 1) * GAP_PX;
  return { width, '--tile-width': `${tileWidth}px`, '--tile-height': `${tileHeight}px` } as CSSProperties;
}

/** The person in the light, as large as a screen would be. */
function LitTile({ person }: { person: Person }) {
  return (
    <ul className="lit" data-testid="spotlight">
      <Tile person={person} />
    </ul>
  );
}

function useSize(box: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 640, height: 480 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return size;
}
