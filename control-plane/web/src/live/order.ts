import type { Person } from './view';

/**
 * Order of the tiles: raised hands do not move anybody, speaking does, and no more than needed.
 * The first `places` tiles are in sight. Who is in sight stays where they are; a speaker out of sight takes the
 * place of whoever in sight has been silent longest. Instructors come first and are never displaced.
 */
export function orderPeople(people: readonly Person[], before: readonly string[], places: number): Person[] {
  const known = new Map(before.map((identity, place) => [identity, place]));
  const rank = (person: Person) => (person.role === 'instructor' ? 0 : 1);
  const order = [...people].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (known.get(a.identity) ?? Infinity) - (known.get(b.identity) ?? Infinity) ||
      Number(a.local) - Number(b.local),
  );
  const inSight = Math.min(places, order.length);
  for (let place = inSight; place < order.length; place++) {
    const speaker = order[place];
    if (!speaker?.speaking) continue;
    const displaced = silentLongest(order.slice(0, inSight));
    const other = order[displaced];
    if (displaced < 0 || !other) break;
    order[displaced] = speaker;
    order[place] = other;
  }
  return order;
}

function silentLongest(inSight: readonly Person[]): number {
  let place = -1;
  let since = Infinity;
  inSight.forEach((person, index) => {
    if (person.role === 'instructor' || person.local || person.speaking || person.spokeAt >= since) return;
    place = index;
    since = person.spokeAt;
  });
  return place;
}
