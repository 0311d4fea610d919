// How long pictures and sound of each other person stand still in a page, measured where a viewer is: at the frames that
// `<video>` elements present, and at the packets of sound. Whatever connection they come by.

/**
 * Before the first page is opened: a tone in place of the microphone, which never falls silent, and a small camera, so that
 * this machine's encoders are not what is measured.
 */
export async function withTone(page) {
  await page.addInitScript(() => {
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const video = { width: 320, height: 180, frameRate: 15 };
      if (!constraints?.audio) return open({ video });
      const stream = constraints.video ? await open({ video }) : new MediaStream();
      const context = new AudioContext();
      const tone = context.createOscillator();
      const out = context.createMediaStreamDestination();
      tone.frequency.value = 330;
      tone.connect(out);
      tone.start();
      stream.addTrack(out.stream.getAudioTracks()[0]);
      return stream;
    };
  });
}

/** Begins to measure in a page that is in class; again to begin anew. */
export async function startGaps(page) {
  await page.evaluate(() => {
    window.__gaps?.stop();
    const gaps = { video: {}, audio: {} };
    const note = (kind, identity, at) => {
      const known = (gaps[kind][identity] ??= { last: at, max: 0, at: 0 });
      if (at - known.last > known.max) Object.assign(known, { max: at - known.last, at: Date.now() });
      known.last = at;
    };
    const watched = new WeakSet();
    const scan = () => {
      for (const tile of document.querySelectorAll('[data-testid=tile][data-local=false]')) {
        const video = tile.querySelector('video');
        if (!video || watched.has(video)) continue;
        watched.add(video);
        const { identity } = tile.dataset;
        const next = () => {
          if (window.__gaps !== handle) return;
          note('video', identity, performance.now());
          video.requestVideoFrameCallback(next);
        };
        video.requestVideoFrameCallback(next);
      }
    };
    const heard = new Map();
    const listen = async () => {
      const { room } = window.__seodang;
      for (const participant of room.remoteParticipants.values()) {
        for (const { track } of participant.audioTrackPublications.values()) {
          const report = await track?.getRTCStatsReport().catch(() => undefined);
          let packets = 0;
          report?.forEach((entry) => { if (entry.type === 'inbound-rtp') packets += entry.packetsReceived; });
          const before = heard.get(participant.identity);
          heard.set(participant.identity, { track, packets });
          if (packets > 0 && (before?.track !== track || before.packets !== packets)) note('audio', participant.identity, performance.now());
        }
      }
      if (window.__gaps === handle) setTimeout(listen, 20);
    };
    // How long the page itself stood still: a busy machine makes gaps that no edge could help.
    let turn = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      handle.stall = Math.max(handle.stall, now - turn);
      turn = now;
      scan();
    }, 20);
    const handle = {
      stall: 0,
      read() {
        // What stands still now is a gap too.
        for (const kind of ['video', 'audio']) for (const known of Object.values(gaps[kind])) known.max = Math.max(known.max, performance.now() - known.last);
        return gaps;
      },
      stop: () => clearInterval(timer),
    };
    window.__gaps = handle;
    scan();
    void listen();
  });
}

/** The longest gap of each kind and person so far, ms. */
export async function readGaps(page) {
  const gaps = await page.evaluate(() => window.__gaps.read());
  return Object.entries(gaps).flatMap(([kind, people]) =>
    Object.entries(people).map(([identity, { max, last }]) => ({ kind, identity, ms: Math.round(max), last })),
  );
}

/** How long the page itself stood still, ms. */
export const readStall = (page) => page.evaluate(() => Math.round(window.__gaps.stall));

/** Waits until pictures and sound of `others` people come in. */
export async function inClass(page, others, until, timeoutMs = 20_000) {
  await startGaps(page);
  await until(async () => {
    const gaps = await readGaps(page);
    return ['video', 'audio'].every((kind) => gaps.filter((gap) => gap.kind === kind).length >= others);
  }, `pictures and sound of ${others} others`, timeoutMs);
}

export const describe = (name, gaps) => `${name}: ${gaps.map((gap) => `${gap.kind} ${gap.ms} ms`).join(', ')}`;
