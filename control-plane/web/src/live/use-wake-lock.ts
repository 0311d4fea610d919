import { useEffect } from 'react';

/** A phone does not go dark in the middle of a class. Browsers take the lock back when the page is hidden. */
export function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let over = false;
    const ask = async () => {
      if (document.hidden || !('wakeLock' in navigator)) return;
      // Refused on a low battery: then the screen goes dark as usual.
      const given = await navigator.wakeLock.request('screen').catch(() => null);
      if (over) void given?.release();
      else lock = given;
    };
    void ask();
    document.addEventListener('visibilitychange', ask);
    return () => {
      over = true;
      document.removeEventListener('visibilitychange', ask);
      void lock?.release();
    };
  }, []);
}
