import type { Parcel, ParcelKind, Shelf } from './outbox';

const PREFIX = 'seodang.outbox.';
const KINDS: readonly ParcelKind[] = ['answer', 'question', 'chat'];

/** The browser's own storage: synchronous, so that what is handed in is written down before anything can go wrong. */
export function browserShelf(): Shelf {
  const storage = openStorage();
  return {
    all: () => (storage ? keysOf(storage).flatMap((key) => read(storage.getItem(key))) : []),
    keep: (parcel) => {
      try {
        storage?.setItem(PREFIX + parcel.id, JSON.stringify(parcel));
        return storage !== null;
      } catch {
        return false;
      }
    },
    drop: (id) => storage?.removeItem(PREFIX + id),
  };
}

function openStorage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

function keysOf(storage: Storage): string[] {
  return Array.from({ length: storage.length }, (_, place) => storage.key(place) ?? '').filter((key) => key.startsWith(PREFIX));
}

/** An entry that is not a parcel (an older page's, somebody's hand) is left alone. */
function read(text: string | null): Parcel[] {
  try {
    const parcel = JSON.parse(text ?? '') as Parcel;
    const whole =
      KINDS.includes(parcel.kind) &&
      [parcel.id, parcel.account, parcel.class, parcel.about].every((part) => typeof part === 'string') &&
      typeof parcel.at_ms === 'number';
    return whole ? [parcel] : [];
  } catch {
    return [];
  }
}
