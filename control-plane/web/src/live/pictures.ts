import { recall, remember } from '../storage';
import type { Person } from './view';

/** Which pictures are received: all, the instructor's only, none. What is not shown is not sent to us. */
export type Pictures = 'all' | 'teacher' | 'none';
export const PICTURES: readonly Pictures[] = ['all', 'teacher', 'none'];

export function picturesBefore(): Pictures {
  const kept = recall('pictures');
  return PICTURES.find((known) => known === kept) ?? 'all';
}

export const keepPictures = (pictures: Pictures): void => remember('pictures', pictures);

/** The people with the pictures left out that are not wanted. One's own costs nothing to look at. */
export function withPictures(people: readonly Person[], pictures: Pictures): readonly Person[] {
  if (pictures === 'all') return people;
  return people.map((person) => {
    if (person.local) return person;
    if (pictures === 'none') return { ...person, camera: null, screen: null };
    return person.role === 'instructor' ? person : { ...person, camera: null };
  });
}
