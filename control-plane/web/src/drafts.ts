/**
 * What somebody has typed or chosen and not handed in yet. It belongs to an account: village schools share their machines,
 * and the next pupil must not find the answers of the one before.
 */

/** `tab`: until the tab is closed. `device`: also after. */
export type DraftPlace = 'tab' | 'device';

const PREFIX = 'seodang.draft.';

const prefixOf = (owner: string): string => `${PREFIX}${encodeURIComponent(owner)}/`;

/** Private windows may forbid storage: a reload then forgets, nothing else. */
function storageOf(place: DraftPlace): Storage | null {
  try {
    return place === 'tab' ? sessionStorage : localStorage;
  } catch {
    return null;
  }
}

export interface DraftSlot {
  /** What is kept there; empty where nothing is. */
  read(): object;
  keep(value: object): void;
  forget(): void;
}

/** Where the owner's draft of something is kept. The owner of what is typed before there is an account is nobody: ''. */
export function draftSlot(place: DraftPlace, owner: string, key: string): DraftSlot {
  const name = prefixOf(owner) + key;
  return {
    read: () => {
      try {
        const kept: unknown = JSON.parse(storageOf(place)?.getItem(name) ?? '{}');
        return typeof kept === 'object' && kept !== null ? kept : {};
      } catch {
        return {};
      }
    },
    keep: (value) => {
      try {
        storageOf(place)?.setItem(name, JSON.stringify(value));
      } catch {
        // Full, or forbidden.
      }
    },
    forget: () => storageOf(place)?.removeItem(name),
  };
}

/** At signing out all drafts go; when somebody is here, those of everybody else. */
export function forgetDrafts(exceptOwner?: string): void {
  const stays = exceptOwner === undefined ? null : prefixOf(exceptOwner);
  for (const place of ['tab', 'device'] as const) {
    const storage = storageOf(place);
    if (!storage) continue;
    const names = Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? '');
    for (const name of names) {
      const theirs = name.startsWith(PREFIX) && (stays === null || !name.startsWith(stays));
      if (theirs) storage.removeItem(name);
    }
  }
}

/** A form being filled in: what it began with, and over it what was changed. Only the changes are kept. */
export class FormDraft<T extends object> {
  private changes: Partial<T>;
  private readonly slot: DraftSlot;

  constructor(
    readonly owner: string,
    key: string,
    private readonly initial: T,
  ) {
    this.slot = draftSlot('tab', owner, key);
    this.changes = this.slot.read();
  }

  value(): T {
    return { ...this.initial, ...this.changes };
  }

  /** Kept at once, so that a `forget` that follows has the last word. */
  change(part: Partial<T>): void {
    // The id under which it will be handed in goes with it: sent once more after a reload, it is still one.
    const id = 'key' in this.initial ? { key: this.initial.key } : {};
    this.changes = { ...id, ...this.changes, ...part };
    this.slot.keep(this.changes);
  }

  forget(): void {
    this.slot.forget();
  }
}
