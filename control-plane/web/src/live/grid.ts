/** Width to height of a tile. */
const ASPECT = 16 / 9;
/** Smaller tiles show a name and no face. */
const TILE_WIDTH_MIN_PX = 150;
const GAP_PX = 8;
const TILES_MAX = 25;

export interface GridShape {
  columns: number;
  /** Tiles in sight; the others are in the list of people. */
  shown: number;
  tileWidth: number;
}

/** The number of columns that makes the tiles largest, for as many tiles as can still be told apart. */
export function gridShape(count: number, width: number, height: number): GridShape {
  let shown = Math.max(1, Math.min(count, TILES_MAX));
  for (; shown > 1; shown--) {
    const shape = largest(shown, width, height);
    if (shape.tileWidth >= Math.min(TILE_WIDTH_MIN_PX, width / 2 - GAP_PX)) return shape;
  }
  return largest(1, width, height);
}

function largest(shown: number, width: number, height: number): GridShape {
  let best: GridShape = { columns: 1, shown, tileWidth: 0 };
  for (let columns = 1; columns <= shown; columns++) {
    const rows = Math.ceil(shown / columns);
    const byWidth = (width - GAP_PX * (columns - 1)) / columns;
    const byHeight = ((height - GAP_PX * (rows - 1)) / rows) * ASPECT;
    const tileWidth = Math.floor(Math.max(0, Math.min(byWidth, byHeight)));
    if (tileWidth > best.tileWidth) best = { columns, shown, tileWidth };
  }
  return best;
}
