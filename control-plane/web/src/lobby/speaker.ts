/** Two soft notes, a fifth apart: loud enough to hear, nothing to be startled by. */
const NOTES_HZ = [440, 660] as const;
const NOTE_S = 0.45;
const LOUDNESS = 0.25;

/** Plays the notes; resolves when they are over. */
export async function playNotes(): Promise<void> {
  const context = new AudioContext();
  await context.resume();
  NOTES_HZ.forEach((pitch, place) => {
    const start = context.currentTime + 0.05 + place * (NOTE_S + 0.08);
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.type = 'sine';
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(LOUDNESS, start + 0.04);
    gain.gain.setTargetAtTime(0, start + NOTE_S - 0.15, 0.05);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + NOTE_S + 0.1);
  });
  await new Promise((resolve) => setTimeout(resolve, (NOTES_HZ.length * (NOTE_S + 0.08) + 0.2) * 1000));
  await context.close();
}
