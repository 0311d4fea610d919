import { useEffect, useRef, useState } from 'react';
import { useT } from '../i18n';
import type { LiveView } from './view';

/** News stays long enough to read two lines. */
const SHOWN_MS = 5_000;

/** What came in while one looks at faces: a message with the chat closed, a hand going up. Also read out. */
export function News({ view, chatOpen }: { view: LiveView; chatOpen: boolean }) {
  const t = useT();
  const [news, setNews] = useState<string | null>(null);
  const lastMessage = view.chat.findLast((message) => !message.local);
  const lastHand = view.people.filter((person) => !person.local && person.handAt > 0).sort((a, b) => b.handAt - a.handAt)[0];
  // What is there when the page opens is not news.
  const seen = useRef({ message: lastMessage?.id, hand: lastHand?.handAt ?? 0 });

  useEffect(() => {
    if (lastMessage === undefined || lastMessage.id === seen.current.message) return;
    seen.current.message = lastMessage.id;
    if (!chatOpen) setNews(`${lastMessage.name}: ${lastMessage.text}`);
  }, [lastMessage, chatOpen]);
  useEffect(() => {
    if (lastHand === undefined || lastHand.handAt <= seen.current.hand) return;
    seen.current.hand = lastHand.handAt;
    setNews(t('live.news.hand', { name: lastHand.name }));
  }, [lastHand?.handAt, lastHand?.name, t]);
  useEffect(() => {
    if (news === null) return undefined;
    const timer = setTimeout(() => setNews(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [news]);

  return (
    <div className="news" role="status" data-testid="news">
      {news !== null && <p>{news}</p>}
    </div>
  );
}
