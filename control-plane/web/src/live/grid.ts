/** A camera's own shape: tiles are never wider. */
const ASPECT_MAX = 16 / 9;
/** Tiles may be cropped to fill the room there is: a little on a wide screen, to nearly a square on an upright phone. */
const ASPECT_MIN_WIDE = 1.5;
const ASPECT_MIN_UPRIGHT = 0.9;
/** Smaller tiles show a name and no face. */
const TILE_WIDTH_MIN_PX = 150;
export const GAP_PX = 8;
const TILES_MAX = 25;

export interface GridShape {
  columns: number;
  /** Tiles in sight; the others are in the list of people. */
  shown: number;
  tileWidth: number;
  tileHeight: number;
}

/** The number of columns that makes the tiles largest, for as many tiles as can still be told apart. */
export function gridShape(count: number, width: number, height: number): GridShape {
  for (let shown = Math.max(1, Math.min(count, TILES_MAX)); shown > 1; shown--) {
    const shape = largest(shown, width, height);
    if (shape.tileWidth >= Math.min(TILE_WIDTH_MIN_PX, width / 2 - GAP_PX)) return shape;
  }
  return largest(1, width, height);
}

function largest(shown: number, width: number, height: number): GridShape {
  const aspectMin = width > height ? ASPECT_MIN_WIDE : ASPECT_MIN_UPRIGHT;
  let best: GridShape = { columns: 1, shown, tileWidth: 0, tileHeight: 0 };
  for (let columns = 1; columns <= shown; columns++) {
    const rows = Math.ceil(shown / columns);
    const columnWidth = (width - GAP_PX * (columns - 1)) / columns;
    const rowHeight = (height - GAP_PX * (rows - 1)) / rows;
    const tileWidth = Math.floor(Math.max(0, Math.min(columnWidth, rowHeight * ASPECT_MAX)));
    const tileHeight = Math.floor(Math.max(0, Math.min(rowHeight, tileWidth / aspectMin)));
    if (tileWidth * tileHeight > best.tileWidth * best.tileHeight) best = { columns, shown, tileWidth, tileHeight };
  }
  return best;
}
