import { useEffect, useState } from 'react';

/** How long a word stays in the region: long enough to be read out, short enough to be said again. */
const STAY_MS = 4_000;

let say: (text: string) => void = () => undefined;

/** Says something to those who listen to the page, and shows it for a moment to those who look. */
export function announce(text: string): void {
  say(text);
}

export function Announcer() {
  const [text, setText] = useState('');
  useEffect(() => {
    say = setText;
    return () => {
      say = () => undefined;
    };
  }, []);
  useEffect(() => {
    if (!text) return undefined;
    const timer = setTimeout(() => setText(''), STAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div className="announcer" role="status" aria-live="polite" data-testid="announcer">
      {text && <p>{text}</p>}
    </div>
  );
}
