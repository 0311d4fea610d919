import type { Location } from '../api/contract';

/** Rough outline of the Korean peninsula's south, [longitude, latitude], drawn by hand for this map. */
const MAINLAND: readonly (readonly [number, number])[] = [
  [126.6, 37.62],
  [126.7, 37.85],
  [126.75, 37.97],
  [127.05, 38.12],
  [127.25, 38.31],
  [127.7, 38.33],
  [128.05, 38.32],
  [128.36, 38.61],
  [128.62, 38.2],
  [128.92, 37.78],
  [129.2, 37.4],
  [129.4, 37.02],
  [129.45, 36.6],
  [129.4, 36.2],
  [129.57, 36.05],
  [129.5, 35.72],
  [129.35, 35.36],
  [129.2, 35.15],
  [128.98, 35.05],
  [128.75, 35.08],
  [128.62, 34.82],
  [128.4, 34.86],
  [128.05, 34.92],
  [127.9, 34.72],
  [127.76, 34.9],
  [127.75, 34.62],
  [127.52, 34.78],
  [127.4, 34.6],
  [127.2, 34.45],
  [127.08, 34.62],
  [126.88, 34.42],
  [126.54, 34.3],
  [126.36, 34.56],
  [126.4, 34.8],
  [126.25, 35.02],
  [126.42, 35.32],
  [126.5, 35.6],
  [126.66, 35.78],
  [126.65, 35.98],
  [126.5, 36.16],
  [126.5, 36.42],
  [126.3, 36.6],
  [126.15, 36.76],
  [126.32, 36.96],
  [126.6, 36.98],
  [126.82, 37.02],
  [126.72, 37.22],
  [126.6, 37.4],
];
const JEJU: readonly (readonly [number, number])[] = [
  [126.16, 33.3],
  [126.3, 33.47],
  [126.55, 33.53],
  [126.84, 33.53],
  [126.94, 33.44],
  [126.76, 33.28],
  [126.5, 33.23],
  [126.26, 33.2],
];

export interface Frame {
  west: number;
  east: number;
  north: number;
  south: number;
}

/** Islands too small for an outline: Ulleungdo and Dokdo. */
export const ISLETS: readonly Location[] = [
  { longitude: 130.87, latitude: 37.5 },
  { longitude: 131.87, latitude: 37.24 },
];

/** The whole of the outline with sea around it, wide enough for names beside the coast. */
export const KOREA: Frame = { west: 124.2, east: 132.2, north: 38.95, south: 32.85 };
/** Around nodes outside of Korea, in degrees. */
const MARGIN_DEG = 1.5;

/** Korea, and more where nodes stand elsewhere. */
export function frameFor(places: readonly Location[]): Frame {
  return places.reduce<Frame>((frame, { latitude, longitude }) => {
    const inside = longitude >= frame.west && longitude <= frame.east && latitude <= frame.north && latitude >= frame.south;
    return inside
      ? frame
      : {
          west: Math.min(frame.west, longitude - MARGIN_DEG),
          east: Math.max(frame.east, longitude + MARGIN_DEG),
          north: Math.max(frame.north, latitude + MARGIN_DEG),
          south: Math.min(frame.south, latitude - MARGIN_DEG),
        };
  }, KOREA);
}

export interface Point {
  x: number;
  y: number;
}

export interface Projection {
  width: number;
  height: number;
  project(place: Location): Point;
}

/** Height of the drawing; the width follows from the frame. */
const HEIGHT = 600;

/** Equirectangular, true to scale at the frame's middle: plain, and good enough for a country. */
export function projection(frame: Frame): Projection {
  const squeeze = Math.cos((((frame.north + frame.south) / 2) * Math.PI) / 180);
  const scale = HEIGHT / (frame.north - frame.south);
  return {
    width: (frame.east - frame.west) * squeeze * scale,
    height: HEIGHT,
    project: ({ latitude, longitude }) => ({
      x: (longitude - frame.west) * squeeze * scale,
      y: (frame.north - latitude) * scale,
    }),
  };
}

/** The coast as one SVG path, rounded as by a brush: through the middles of the sides, bending at the corners. */
export function coast(map: Projection): string {
  return [MAINLAND, JEJU]
    .map((line) => {
      const points = line.map(([longitude, latitude]) => map.project({ latitude, longitude }));
      const middle = (a: Point, b: Point) => `${((a.x + b.x) / 2).toFixed(1)} ${((a.y + b.y) / 2).toFixed(1)}`;
      const at = (place: number) => points[(place + points.length) % points.length] ?? { x: 0, y: 0 };
      const bends = points.map((point, place) => `Q${point.x.toFixed(1)} ${point.y.toFixed(1)} ${middle(point, at(place + 1))}`);
      return `M${middle(at(-1), at(0))}${bends.join('')}Z`;
    })
    .join('');
}
