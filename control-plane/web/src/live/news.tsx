import { useEffect, useRef, useState } from 'react';
import type { Line, Raised } from '../classroom/reading';
import type { LiveState } from '../api/contract';
import { useT } from '../i18n';
import type { Person } from './view';

/** News stays long enough to read two lines. */
const SHOWN_MS = 5_000;

interface NewsProps {
  live: LiveState;
  known: boolean;
  lines: readonly Line[];
  queue: readonly Raised[];
  own: Person | undefined;
  canSpeak: boolean;
  takenDownMs: number;
  me: string;
  teaches: boolean;
  chatOpen: boolean;
}

/**
 * What came in while one looks at faces: a message with the chat closed, a hand, a quiz, leave to speak. Read out, but for
 * messages: those are counted on the chat's button and would never stop.
 */
export function News({ live, known, lines, queue, own, canSpeak, takenDownMs, me, teaches, chatOpen }: NewsProps) {
  const t = useT();
  const [news, setNews] = useState<{ text: string; aloud: boolean } | null>(null);
  const tell = (text: string, aloud = true) => setNews({ text, aloud });

  const message = lines.findLast((line) => line.from.id !== me && !line.hidden);
  useChange(known, message?.atMs, (before) => {
    if (message && message.atMs > (before ?? 0) && !chatOpen) tell(`${message.from.name}: ${message.text}`, false);
  });
  const hand = queue.findLast((raised) => raised.identity !== me);
  useChange(known, hand?.atMs, (before) => {
    if (hand && hand.atMs > (before ?? 0)) tell(t('live.news.hand', { name: hand.name }));
  });
  const quiz = live.quizzes.findLast(({ state }) => state === 'open');
  useChange(known, quiz?.id, () => {
    if (quiz && !teaches) tell(t('quiz.opened', { title: quiz.title }));
  });
  const poll = live.polls.findLast(({ state }) => state === 'open');
  useChange(known, poll?.id, () => {
    if (poll && !teaches) tell(t('poll.opened', { title: poll.question }));
  });
  const revealed = live.quizzes.filter(({ state }) => state === 'revealed').length;
  useChange(known, revealed, (before) => {
    if (revealed > (before ?? 0) && !teaches) tell(t('live.news.result'));
  });
  useChange(true, takenDownMs, () => tell(t('live.news.lowered')));
  useChange(own !== undefined, canSpeak, () => {
    if (canSpeak) tell(t('live.news.speak'));
  });
  useEffect(() => {
    if (news === null) return undefined;
    const timer = setTimeout(() => setNews(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [news]);

  return (
    <div className="news-line">
      <div className="news" role="status" data-testid="news">
        {news !== null && <p aria-hidden={news.aloud ? undefined : true}>{news.text}</p>}
      </div>
    </div>
  );
}

/** Runs when a value changes, but not for what is there when the page opens: that is not news. */
function useChange<T>(ready: boolean, value: T, act: (before: T | undefined) => void): void {
  const seen = useRef<{ value: T } | null>(null);
  useEffect(() => {
    if (!ready) return;
    const before = seen.current;
    seen.current = { value };
    if (before && before.value !== value) act(before.value);
    // Only the value decides; `act` is a new closure at each render.
  }, [ready, value]);
}
