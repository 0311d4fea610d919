import { useCallback, useEffect, useRef, useState } from 'react';
import { REACTION_TOPIC } from '../api/contract-classroom';
import {
  fade,
  OWN_PAUSE_MS,
  REACTIONS,
  type Reaction,
  readReaction,
  show,
  SHOWN_MS,
  writeReaction,
} from '../classroom/reactions';
import { useT } from '../i18n';
import type { LiveSession } from './view';

export interface Reactions {
  shown: readonly Reaction[];
  hear(payload: Uint8Array): void;
  send(emoji: string): void;
}

export function useReactions(session: LiveSession): Reactions {
  const [shown, setShown] = useState<readonly Reaction[]>([]);
  const sentAt = useRef(0);
  const add = useCallback((emoji: string) => setShown((old) => show(old, emoji, Date.now())), []);
  useEffect(() => {
    if (shown.length === 0) return undefined;
    const timer = setTimeout(() => setShown((old) => fade(old, Date.now())), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  const hear = useCallback(
    (payload: Uint8Array) => {
      const emoji = readReaction(payload);
      if (emoji) add(emoji);
    },
    [add],
  );
  const send = useCallback(
    (emoji: string) => {
      const now = Date.now();
      if (now - sentAt.current < OWN_PAUSE_MS) return;
      sentAt.current = now;
      add(emoji);
      void session.sendPacket(REACTION_TOPIC, writeReaction(emoji)).catch(() => undefined);
    },
    [session, add],
  );
  return { shown, hear, send };
}

/** Signs rising over the pictures; with reduced motion they only appear and go. Not read out: they would never stop. */
export function ReactionLayer({ shown }: { shown: readonly Reaction[] }) {
  return (
    <div className="reactions" aria-hidden="true" data-testid="reactions">
      {shown.map((reaction) => (
        <span key={reaction.id} style={{ left: `${8 + reaction.place * 80}%` }}>
          {reaction.emoji}
        </span>
      ))}
    </div>
  );
}

export function ReactionBar({ onSend }: { onSend: (emoji: string) => void }) {
  const t = useT();
  return (
    <div className="reaction-bar" role="group" aria-label={t('react.title')}>
      {REACTIONS.map((emoji) => (
        <button
          key={emoji}
          type="button"
          aria-label={t('react.send', { emoji })}
          data-testid="reaction"
          onClick={() => onSend(emoji)}
        >
          {emoji}
        </button>
      ))}
    </div>
  );
}
