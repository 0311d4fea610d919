// The stock Node SDK as instructor and student on different edges. Run with the ready file of `seodang dev` as the only
// argument. Prints one line for each check and ends with a count.

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AudioFrame, AudioSource, AudioStream, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, SimulateScenarioKind, TrackPublishOptions, TrackSource,
  VideoBufferType, VideoFrame, VideoSource, VideoStream,
} from '@livekit/rtc-node';
import { AccessToken, DataPacket_Kind, RoomServiceClient } from 'livekit-server-sdk';

const ready = JSON.parse(await readFile(process.argv[2], 'utf8'));
const ROOM = `node-${Date.now()}`;

async function until(check, what, timeoutMs = 10_000) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(50)) {
    const value = await check();
    if (value) return value;
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`);
}

async function person(identity, edge) {
  const token = new AccessToken(ready.api_key, ready.api_secret, { identity, name: identity });
  token.addGrant({ roomJoin: true, room: ROOM, canUpdateOwnMetadata: true });
  const room = new Room();
  const noticed = { tracks: new Map(), data: [], texts: [], attributes: {}, reconnected: 0 };
  room.on(RoomEvent.TrackSubscribed, (track, publication) => noticed.tracks.set(publication.name, track));
  room.on(RoomEvent.DataReceived, (payload, who, _kind, topic) => noticed.data.push({ text: Buffer.from(payload).toString(), from: who?.identity, topic }));
  room.on(RoomEvent.ParticipantAttributesChanged, (changed, who) => { noticed.attributes[who.identity] = { ...noticed.attributes[who.identity], ...changed }; });
  room.on(RoomEvent.Reconnected, () => { noticed.reconnected += 1; });
  room.registerTextStreamHandler('lk.chat', async (reader, who) => noticed.texts.push({ who: who.identity, text: await reader.readAll() }));
  await room.connect(ready.edges[edge].url.replace('http', 'ws'), await token.toJwt(), { autoSubscribe: true, dynacast: true });
  return { room, ...noticed, noticed };
}

const instructor = await person('instructor', 1);
const student = await person('student', 2);

const video = new VideoSource(640, 360);
const audio = new AudioSource(48_000, 1);
let filming = true;

async function film() {
  for (let count = 0; filming; count += 1) {
    const picture = new Uint8Array(640 * 360 * 4).fill((count * 3) % 256);
    video.captureFrame(new VideoFrame(picture, 640, 360, VideoBufferType.RGBA));
    await sleep(66);
  }
}

async function hum() {
  for (let phase = 0; filming; phase += 480) {
    const wave = Int16Array.from({ length: 480 }, (_, i) => Math.sin(((i + phase) * 2 * Math.PI * 440) / 48_000) * 12_000);
    await audio.captureFrame(new AudioFrame(wave, 48_000, 1, 480));
  }
}

async function take(stream, count, timeoutMs, look = () => true) {
  const reader = stream.getReader();
  const end = Date.now() + timeoutMs;
  let seen = 0;
  while (seen < count) {
    const next = await Promise.race([reader.read(), sleep(Math.max(1, end - Date.now())).then(() => ({ late: true }))]);
    if (next.late || next.done) throw new Error(`${seen} of ${count} frames`);
    if (look(next.value)) seen += 1;
  }
  reader.releaseLock();
  return seen;
}

const checks = {
  async both_are_in_the_roster() {
    await until(() => instructor.room.remoteParticipants.has('student') && student.room.remoteParticipants.has('instructor'), 'each other');
  },
  async pictures_and_sound_cross_the_regions() {
    const camera = LocalVideoTrack.createVideoTrack('camera', video);
    const microphone = LocalAudioTrack.createAudioTrack('microphone', audio);
    await instructor.room.localParticipant.publishTrack(camera, new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA }));
    await instructor.room.localParticipant.publishTrack(microphone, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));
    film();
    hum();
    await until(() => student.tracks.has('camera') && student.tracks.has('microphone'), 'both tracks');
    await take(new VideoStream(student.tracks.get('camera')), 30, 15_000);
    const loud = (frame) => frame.data.some((sample) => Math.abs(sample) > 3_000);
    await take(new AudioStream(student.tracks.get('microphone'), { sampleRate: 48_000, numChannels: 1 }), 20, 10_000, loud);
  },
  async data_and_text_arrive() {
    await student.room.localParticipant.publishData(Buffer.from('here'), { reliable: true, topic: 'roll' });
    await until(() => instructor.noticed.data.some((d) => d.text === 'here' && d.from === 'student' && d.topic === 'roll'), 'the data');
    await student.room.localParticipant.sendText('질문 있어요', { topic: 'lk.chat' });
    await until(() => instructor.noticed.texts.some((t) => t.text === '질문 있어요' && t.who === 'student'), 'the text');
  },
  async a_remote_procedure_is_called() {
    instructor.room.localParticipant.registerRpcMethod('double', async (call) => String(Number(call.payload) * 2));
    const answer = await student.room.localParticipant.performRpc({ destinationIdentity: 'instructor', method: 'double', payload: '21' });
    if (answer !== '42') throw new Error(answer);
  },
  async attributes_are_seen() {
    await student.room.localParticipant.setAttributes({ hand: '1' });
    await until(() => instructor.noticed.attributes.student?.hand === '1', 'the hand');
  },
  async a_resume_keeps_the_media() {
    const before = student.noticed.reconnected;
    await student.room.simulateScenario(SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT);
    await until(() => student.noticed.reconnected > before, 'the resume', 20_000);
    await take(new VideoStream(student.noticed.tracks.get('camera')), 15, 10_000);
  },
  async a_full_reconnect_brings_everything_back() {
    const before = student.noticed.reconnected;
    await student.room.simulateScenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT);
    await until(() => student.noticed.reconnected > before, 'the full reconnect', 20_000);
    await sleep(500);
    await take(new VideoStream(student.noticed.tracks.get('camera')), 15, 10_000);
    await student.room.localParticipant.publishData(Buffer.from('back'), { reliable: true, topic: 'back' });
    await until(() => instructor.noticed.data.some((d) => d.topic === 'back'), 'data after it');
  },
  async the_server_api_works_in_json() {
    const service = new RoomServiceClient(ready.edges[0].url, ready.api_key, ready.api_secret);
    const people = await service.listParticipants(ROOM);
    if (people.length !== 2) throw new Error(`${people.length} participants`);
    await service.sendData(ROOM, Buffer.from('bell'), DataPacket_Kind.RELIABLE, { topic: 'bell' });
    await until(() => student.noticed.data.some((d) => d.topic === 'bell'), 'the bell');
    const publication = people.find((p) => p.identity === 'instructor').tracks[0];
    await service.mutePublishedTrack(ROOM, 'instructor', publication.sid, true);
    await service.removeParticipant(ROOM, 'student');
    await until(() => !student.room.isConnected, 'the student is sent away');
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack ?? error}`);
  }
}
filming = false;
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
