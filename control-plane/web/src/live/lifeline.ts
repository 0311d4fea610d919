/**
 * Tells a silent edge from a quiet one, before the browser does: ICE takes 5 s and more to notice that nothing comes.
 *
 * An edge sends something all the time to anybody who publishes or watches (media, reports, feedback). Silence is only a
 * suspicion; whether the edge is given up is found out by asking it.
 */

/** Nothing for so long is suspicious: several times the pause of feedback, half of what a person notices. */
export const SILENT_MS = 500;
/** A suspicion that proved wrong is not looked at again for this long: a quiet room has nothing to send. */
export const CALM_MS = 2_000;

export class Lifeline {
  private bytes = -1;
  private heardAt = 0;
  private calmUntil = 0;

  /** A reading of all bytes received so far, `null` where there is nothing to read. True: ask the edge. */
  observe(nowMs: number, bytes: number | null): boolean {
    if (bytes === null || bytes !== this.bytes) {
      this.bytes = bytes ?? -1;
      this.heardAt = nowMs;
      return false;
    }
    return nowMs - this.heardAt >= SILENT_MS && nowMs >= this.calmUntil;
  }

  /** The edge answered. */
  calm(nowMs: number): void {
    this.calmUntil = nowMs + CALM_MS;
  }
}
