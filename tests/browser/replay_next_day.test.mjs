// A class of a minute is recorded, and replayed from the cdn node of another region: it starts soon after the end, picture
// and sound stay together, nothing is missing, and the second viewer costs the origin nothing.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { enter, makeAccount, makeClass, openBrowser, openHouse, person, signIn, until } from './house.mjs';

const run = promisify(execFile);
const SECONDS = Number(process.env.SEODANG_CLASS_SECONDS ?? 60);
const COUNTER_BITS = 12;

let house;
let browser;
let lesson;
let kim;
let sent;
let endedAt;
let manifest;
let base;

before(async () => {
  house = await openHouse(21_200);
  browser = await openBrowser();
  kim = await makeAccount(house, { name: '김선생', role: 'instructor' });
  lesson = await makeClass(house, { title: '꽃꽂이 저녁반', recorded: true, teacher: kim });
});

after(async () => {
  await browser?.close();
  await house?.close();
});

/**
 * Publishes a picture that counts in bars of black and white, flashes a corner at every full second, and beeps at the same
 * moments: whoever decodes it can tell missing pictures and measure picture against sound.
 */
async function publishCounter(page) {
  await page.evaluate(async (bits) => {
    const { room } = window.__seodang;
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const draw = canvas.getContext('2d');
    const audio = new AudioContext();
    const out = audio.createMediaStreamDestination();
    const gain = audio.createGain();
    gain.gain.value = 0;
    const tone = audio.createOscillator();
    tone.frequency.value = 1_000;
    tone.connect(gain).connect(out);
    tone.start();
    let count = 0;
    let flashUntil = 0;
    const beep = () => {
      const now = audio.currentTime;
      gain.gain.setValueAtTime(0.8, now);
      gain.gain.setValueAtTime(0, now + 0.1);
      flashUntil = performance.now() + 100;
    };
    const paint = () => {
      count += 1;
      draw.fillStyle = '#404040';
      draw.fillRect(0, 0, 640, 360);
      const width = 640 / bits;
      for (let bit = 0; bit < bits; bit += 1) {
        draw.fillStyle = (count >> bit) & 1 ? '#ffffff' : '#000000';
        draw.fillRect(bit * width, 0, width, 160);
      }
      draw.fillStyle = performance.now() < flashUntil ? '#ffffff' : '#000000';
      draw.fillRect(0, 200, 640, 160);
    };
    paint();
    setInterval(paint, 1_000 / 15);
    setInterval(() => { beep(); paint(); }, 1_000);
    for (const publication of room.localParticipant.trackPublications.values()) await room.localParticipant.unpublishTrack(publication.track);
    const [video] = canvas.captureStream(15).getVideoTracks();
    video.contentHint = 'detail';
    await room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], { source: 'microphone', dtx: false, red: false });
    await room.localParticipant.publishTrack(video, { source: 'camera', simulcast: false, videoCodec: 'h264', videoEncoding: { maxBitrate: 900_000, maxFramerate: 20 }, degradationPreference: 'maintain-framerate' });
  }, COUNTER_BITS);
}

/** Whoever comes late sees the class from its beginning, while it goes on. */
async function watchWhileItRuns(t) {
  const late = await person(browser, { permissions: [] });
  // While a class runs its recording is for those who may come in.
  await signIn(late, house, await makeAccount(house, { name: '서연' }));
  await late.goto(`${house.web}/replay/${encodeURIComponent(lesson.id)}?region=gangneung`);
  await late.waitForFunction(() => window.__replay?.presentations().some((p) => p.active), null, { timeout: 15_000 });
  assert.equal(await late.evaluate(() => window.__replay.manifest.state), 'live');
  await late.getByTestId('replay-play').click();
  const from = await late.evaluate(() => window.__replay.time());
  await until(() => late.evaluate((ms) => window.__replay.time() > ms + 500, from), 'the class from its beginning', 10_000);
  const known = await late.evaluate(() => window.__replay.manifest.duration_ms);
  await until(() => late.evaluate((ms) => window.__replay.manifest.duration_ms > ms, known), 'more of the class as it goes on', 15_000);
  t.diagnostic(`seen from ${Math.round(from)} ms on while the class was at ${known} ms`);
  // Nobody is signed in here: what is only for those who are is not asked for.
  assert.deepEqual(late.faults, []);
  await late.context().close();
}

test('a class of a minute is recorded', { timeout: (SECONDS + 60) * 1_000 }, async (t) => {
  const instructor = await person(browser);
  const student = await person(browser, { width: 640, height: 480 });
  await enter(instructor, house, lesson.id, { account: kim, region: 'seoul' });
  await enter(student, house, lesson.id, { account: await makeAccount(house, { name: '민지' }), observes: true, region: 'jeju' });
  await publishCounter(instructor);
  await until(
    () => student.evaluate(async () => (await window.__seodang.stats()).tracks.some((x) => x.direction === 'in' && x.kind === 'video' && x.frames_decoded > 0)),
    'the class to begin', 20_000,
  );
  const began = Date.now();
  await sleep((SECONDS * 1_000) / 3);
  await watchWhileItRuns(t);
  await sleep(SECONDS * 1_000 - (Date.now() - began));
  const { tracks } = await instructor.evaluate(() => window.__seodang.stats());
  sent = tracks.find((x) => x.direction === 'out' && x.kind === 'video');
  t.diagnostic(`published: ${sent.codec}, ${sent.frames_decoded} pictures encoded`);
  assert.match(sent.codec, /H264/i, 'a recorded class is published in H264');
  endedAt = Date.now();
  await Promise.all([instructor.context().close(), student.context().close()]);
});

test('it can be replayed within five seconds of its end, from another region', { timeout: 30_000 }, async (t) => {
  const viewer = await person(browser, { permissions: [] });
  await until(
    async () => (await (await fetch(`${house.web}/v1/classes/${lesson.id}`)).json()).replay,
    'the class to have a replay', 15_000,
  );
  await viewer.goto(`${house.web}/replay/${encodeURIComponent(lesson.id)}?region=jeju`);
  await viewer.waitForFunction(() => window.__replay?.presentations?.().some((p) => p.active), null, { timeout: 15_000 });
  const play = viewer.getByTestId('replay-play');
  await play.click();
  await viewer.waitForFunction(() => window.__replay.time() > 0.3 || window.__replay.time() > 300, null, { timeout: 15_000 });
  const afterMs = Date.now() - endedAt;
  t.diagnostic(`the replay plays ${afterMs} ms after the last participant left`);
  manifest = await viewer.evaluate(() => window.__replay.manifest);
  const node = house.cdn.find((entry) => entry.region === 'jeju') ?? house.cdn[0];
  const found = await (await fetch(`${house.web}/v1/classes/${lesson.id}`)).json();
  base = node.url + found.replay.replace(/manifest\.json$/, '');
  await sleep(3_000);
  const drift = await viewer.evaluate(() => window.__replay.drift_ms());
  t.diagnostic(`drift of the pages' players after 3 s: ${Math.round(drift)} ms`);
  // The viewer is not signed in: what was said in class is not told to strangers, and the page goes without it.
  assert.deepEqual(viewer.faults.filter((fault) => !/ 401 .*\/timeline\?/.test(fault)), []);
  await viewer.screenshot({ path: process.env.SEODANG_SHOTS ? `${process.env.SEODANG_SHOTS}/replay.png` : '/dev/null', type: 'png' });
  await viewer.context().close();
  assert.ok(afterMs <= 5_000, `${afterMs} ms`);
});

async function segments(playlistUrl) {
  const text = await (await fetch(playlistUrl)).text();
  const urls = [...text.matchAll(/URI="([^"]+)"/g)].map((match) => match[1]);
  urls.push(...text.split('\n').filter((line) => line && !line.startsWith('#')));
  const resolved = urls.map((url) => new URL(url, playlistUrl).href);
  const nested = await Promise.all(resolved.filter((url) => /\.m3u8/.test(url)).map(segments));
  return [...new Set([playlistUrl, ...resolved, ...nested.flat()])];
}

const camera = () => manifest.presentations.filter((p) => p.source === 'camera' && p.has_video).sort((a, b) => (b.end_ms - b.start_ms) - (a.end_ms - a.start_ms))[0];

test('every segment decodes without a word, and no picture is missing', { timeout: 120_000 }, async (t) => {
  const url = new URL(camera().path, base).href;
  const { stderr } = await run('ffmpeg', ['-v', 'error', '-i', url, '-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'null', '-'], { maxBuffer: 1 << 26 });
  assert.equal(stderr, '');
  // One row of the bars of each picture: 8-bit gray, as wide as there are bits.
  const { stdout } = await run(
    'ffmpeg',
    ['-v', 'error', '-i', url, '-map', '0:v:0', '-vf', `crop=iw:ih/9:0:ih/9,scale=${COUNTER_BITS}:1:flags=area,format=gray`, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'],
    { encoding: 'buffer', maxBuffer: 1 << 26 },
  );
  const counts = [];
  for (let at = 0; at + COUNTER_BITS <= stdout.length; at += COUNTER_BITS) {
    counts.push(stdout.subarray(at, at + COUNTER_BITS).reduce((value, light, bit) => value | (light > 127 ? 1 << bit : 0), 0));
  }
  const decoded = new Set(counts);
  t.diagnostic(`${counts.length} pictures in the recording, ${sent.frames_decoded} encoded by the sender at the last look`);
  for (let index = 1; index < counts.length; index += 1) assert.ok(counts[index] >= counts[index - 1], 'pictures are in order');
  // Pictures the sender's encoder skipped were never sent; everything it encoded is there.
  assert.ok(counts.length >= sent.frames_decoded - 15, `${counts.length} of ${sent.frames_decoded}`);
  t.diagnostic(`${decoded.size} different counter values from ${Math.min(...decoded)} to ${Math.max(...decoded)}`);
});

test('picture and sound are together at the end', { timeout: 120_000 }, async (t) => {
  const url = new URL(camera().path, base).href;
  const stamps = async (stream) => {
    const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', url], { maxBuffer: 1 << 26 });
    return stdout.split('\n').map(Number.parseFloat).filter(Number.isFinite).sort((a, b) => a - b);
  };
  // One byte for each picture: how light its lower half is.
  const { stdout: light } = await run('ffmpeg', ['-v', 'error', '-i', url, '-map', '0:v:0', '-vf', 'crop=iw:ih/4:0:ih*5/8,scale=1:1:flags=area,format=gray', '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'], { encoding: 'buffer', maxBuffer: 1 << 26 });
  const times = await stamps('v:0');
  assert.equal(times.length, light.length, 'a time for each picture');
  const flashes = times.filter((_, index) => light[index] > 127 && (index === 0 || light[index - 1] <= 127));
  const { stdout: pcm } = await run('ffmpeg', ['-v', 'error', '-i', url, '-map', '0:a:0', '-ac', '1', '-ar', '8000', '-af', 'aresample=async=0', '-f', 's16le', '-'], { encoding: 'buffer', maxBuffer: 1 << 27 });
  const [audioStart] = await stamps('a:0');
  const beeps = [];
  let quiet = 0;
  for (let index = 0; index * 2 + 1 < pcm.length; index += 1) {
    const loud = Math.abs(pcm.readInt16LE(index * 2)) > 6_000;
    if (loud && quiet > 2_000) beeps.push(audioStart + index / 8_000);
    quiet = loud ? 0 : quiet + 1;
  }
  const offsets = flashes.map((flash) => {
    const beep = beeps.reduce((best, one) => (Math.abs(one - flash) < Math.abs(best - flash) ? one : best), Infinity);
    return { at: flash, ms: (beep - flash) * 1_000 };
  }).filter((entry) => Math.abs(entry.ms) < 400);
  assert.ok(offsets.length > SECONDS / 2, `${flashes.length} flashes, ${beeps.length} beeps`);
  const mean = (entries) => entries.reduce((sum, entry) => sum + entry.ms, 0) / entries.length;
  const first = mean(offsets.slice(0, 10));
  const last = mean(offsets.slice(-10));
  t.diagnostic(`sound against picture: ${first.toFixed(0)} ms at the start, ${last.toFixed(0)} ms at the end, over ${offsets.length} beeps`);
  assert.ok(Math.abs(last) <= 80, `${last} ms`);
});

test('the second viewer is all cache hits', { timeout: 60_000 }, async (t) => {
  const urls = (await segments(new URL(camera().path, base).href)).filter((url) => !/\.m3u8/.test(url));
  for (const url of urls) await (await fetch(url)).arrayBuffer();
  let hits = 0;
  for (const url of urls) {
    const response = await fetch(url);
    await response.arrayBuffer();
    const status = response.headers.get('cache-status') ?? '';
    assert.match(status, /hit/, `${url}: ${status}`);
    hits += 1;
  }
  t.diagnostic(`${hits} of ${urls.length} segments from the cache`);
});
