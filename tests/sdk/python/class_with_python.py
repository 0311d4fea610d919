"""The stock Python SDK as instructor and student on different edges: every feature of the wire a class uses.

Run with the ready file of `seodang dev` as the only argument. Prints one line for each check and ends with a count.
"""

import asyncio
import json
import os
import sys
import time
import traceback

import numpy as np
from livekit import api, rtc
from livekit.rtc._proto.room_pb2 import SimulateScenarioKind

ROOM = f"python-{int(time.time())}"
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Person:
    """A participant and what it has noticed."""

    def __init__(self, ready, identity, edge):
        self.identity = identity
        self.url = ready["edges"][edge]["url"].replace("http", "ws", 1)
        self.token = (
            api.AccessToken(ready["api_key"], ready["api_secret"])
            .with_identity(identity)
            .with_name(identity.title())
            .with_grants(api.VideoGrants(room_join=True, room=ROOM, room_admin=True, room_list=True, can_update_own_metadata=True))
            .to_jwt()
        )
        self.room = rtc.Room()
        self.tracks = {}
        self.data = []
        self.texts = []
        self.bytes = []
        self.events = []
        self.room.on("track_subscribed", lambda track, publication, who: self.tracks.__setitem__(publication.name, track))
        self.room.on("track_unpublished", lambda publication, who: self.events.append(("unpublished", publication.name)))
        self.room.on("track_muted", lambda who, publication: self.events.append(("muted", publication.name)))
        self.room.on("data_received", lambda packet: self.data.append((packet.participant.identity if packet.participant else None, packet.topic, packet.data)))
        self.room.on("participant_attributes_changed", lambda changed, who: self.events.append(("attributes", who.identity, dict(changed))))
        self.room.on("participant_disconnected", lambda who: self.events.append(("left", who.identity)))
        self.room.on("reconnected", lambda: self.events.append(("reconnected",)))
        self.room.register_text_stream_handler("lk.chat", lambda reader, who: asyncio.create_task(self.read_text(reader, who)))
        self.room.register_byte_stream_handler("file", lambda reader, who: asyncio.create_task(self.read_bytes(reader, who)))

    async def read_text(self, reader, who):
        self.texts.append((who, await reader.read_all()))

    async def read_bytes(self, reader, who):
        chunks = b""
        async for chunk in reader:
            chunks += chunk
        self.bytes.append((who, chunks))

    async def join(self):
        await asyncio.wait_for(self.room.connect(self.url, self.token), 15)


async def until(condition, what, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s: {what}")


class Camera:
    """A picture whose brightness counts, and a tone."""

    def __init__(self):
        self.source = rtc.VideoSource(640, 360)
        self.audio = rtc.AudioSource(48_000, 1)
        self.video_track = rtc.LocalVideoTrack.create_video_track("camera", self.source)
        self.audio_track = rtc.LocalAudioTrack.create_audio_track("microphone", self.audio)
        self.tasks = []

    async def publish(self, person):
        camera = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=True)
        microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self.publication = await person.room.local_participant.publish_track(self.video_track, camera)
        await person.room.local_participant.publish_track(self.audio_track, microphone)
        self.tasks = [asyncio.create_task(self.film()), asyncio.create_task(self.hum())]

    async def film(self):
        count = 0
        while True:
            count += 1
            picture = np.full((360, 640, 4), (count * 3) % 256, dtype=np.uint8)
            self.source.capture_frame(rtc.VideoFrame(640, 360, rtc.VideoBufferType.RGBA, picture.tobytes()))
            await asyncio.sleep(1 / 15)

    async def hum(self):
        phase = 0
        while True:
            wave = (np.sin((np.arange(480) + phase) * 2 * np.pi * 440 / 48_000) * 12_000).astype(np.int16)
            phase += 480
            await self.audio.capture_frame(rtc.AudioFrame(wave.tobytes(), 48_000, 1, 480))


async def frames(track, count, timeout_s=10.0):
    stream = rtc.VideoStream(track)
    async def read():
        seen = 0
        async for _ in stream:
            seen += 1
            if seen >= count:
                return seen
    try:
        return await asyncio.wait_for(read(), timeout_s)
    finally:
        await stream.aclose()


async def loudness(track, count=100, timeout_s=10.0):
    stream = rtc.AudioStream(track, sample_rate=48_000, num_channels=1)
    async def read():
        loudest = seen = 0
        async for event in stream:
            samples = np.frombuffer(event.frame.data, dtype=np.int16)
            loudest = max(loudest, int(np.abs(samples.astype(np.int32)).max(initial=0)))
            seen += 1
            if seen >= count:
                return loudest
    try:
        return await asyncio.wait_for(read(), timeout_s)
    finally:
        await stream.aclose()


@check
async def both_are_in_the_roster(class_):
    await until(lambda: "student" in class_.instructor.room.remote_participants, "the student in the instructor's roster")
    await until(lambda: "instructor" in class_.student.room.remote_participants, "the instructor in the student's roster")
    assert class_.student.room.remote_participants["instructor"].name == "Instructor"


@check
async def pictures_and_sound_cross_the_regions(class_):
    await class_.camera.publish(class_.instructor)
    await until(lambda: {"camera", "microphone"} <= set(class_.student.tracks), "both tracks")
    assert await frames(class_.student.tracks["camera"], 30) == 30
    assert await loudness(class_.student.tracks["microphone"]) > 3_000


@check
async def data_arrives_with_its_sender(class_):
    await class_.student.room.local_participant.publish_data(b"here", reliable=True, topic="roll")
    await until(lambda: ("student", "roll", b"here") in class_.instructor.data, "the data")
    await class_.instructor.room.local_participant.publish_data("only you", destination_identities=["student"])
    await until(lambda: any(d[2] == b"only you" for d in class_.student.data), "the addressed data")
    await class_.instructor.room.local_participant.publish_data(b"fast", reliable=False)
    await until(lambda: any(d[2] == b"fast" for d in class_.student.data), "the lossy data")


@check
async def data_arrives_in_order(class_):
    for number in range(200):
        await class_.student.room.local_participant.publish_data(str(number), reliable=True, topic="count")
    await until(lambda: sum(d[1] == "count" for d in class_.instructor.data) >= 200, "200 packets")
    assert [int(d[2]) for d in class_.instructor.data if d[1] == "count"] == list(range(200))


@check
async def text_and_byte_streams_arrive(class_):
    text = "가나다라 " * 20_000
    await class_.student.room.local_participant.send_text(text, topic="lk.chat")
    await until(lambda: ("student", text) in class_.instructor.texts, "a text stream of 260 kB")
    blob = os.urandom(200_000)
    writer = await class_.student.room.local_participant.stream_bytes("notes.bin", topic="file")
    await writer.write(blob)
    await writer.aclose()
    await until(lambda: ("student", blob) in class_.instructor.bytes, "a byte stream of 200 kB")


@check
async def a_remote_procedure_is_called(class_):
    @class_.instructor.room.local_participant.register_rpc_method("add")
    async def add(invocation):
        return str(sum(json.loads(invocation.payload)))

    answer = await class_.student.room.local_participant.perform_rpc(
        destination_identity="instructor", method="add", payload="[20, 22]"
    )
    assert answer == "42", answer


@check
async def attributes_and_metadata_are_seen(class_):
    await class_.student.room.local_participant.set_attributes({"hand": "1"})
    await until(lambda: class_.instructor.room.remote_participants["student"].attributes.get("hand") == "1", "the hand")
    await class_.student.room.local_participant.set_metadata("from Jeju")
    await until(lambda: class_.instructor.room.remote_participants["student"].metadata == "from Jeju", "metadata")


@check
async def mute_is_seen(class_):
    class_.camera.audio_track.mute()
    await until(lambda: ("muted", "microphone") in class_.student.events, "the mute")
    class_.camera.audio_track.unmute()


@check
async def the_server_api_works_from_any_edge(class_):
    base = class_.instructor.url.replace("ws", "http", 1)
    async with api.LiveKitAPI(base, class_.ready["api_key"], class_.ready["api_secret"]) as service:
        rooms = await service.room.list_rooms(api.ListRoomsRequest())
        assert ROOM in [room.name for room in rooms.rooms]
        people = await service.room.list_participants(api.ListParticipantsRequest(room=ROOM))
        assert {p.identity for p in people.participants} >= {"instructor", "student"}
        await service.room.send_data(api.SendDataRequest(room=ROOM, data=b"bell", kind=0, topic="bell"))
        await until(lambda: any(d[1] == "bell" for d in class_.student.data), "the server's data")


@check
async def a_resume_keeps_the_media(class_):
    before = len(class_.student.events)
    await class_.student.room.simulate_scenario(SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT)
    await until(lambda: ("reconnected",) in class_.student.events[before:], "the resume", 20)
    assert await frames(class_.student.tracks["camera"], 15) == 15


@check
async def a_full_reconnect_brings_everything_back(class_):
    before = len(class_.student.events)
    await class_.student.room.simulate_scenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
    await until(lambda: ("reconnected",) in class_.student.events[before:], "the full reconnect", 20)
    await asyncio.sleep(0.5)
    assert await frames(class_.student.tracks["camera"], 15) == 15
    await class_.student.room.local_participant.publish_data(b"back", reliable=True, topic="back")
    await until(lambda: any(d[1] == "back" for d in class_.instructor.data), "data after it")


@check
async def an_unpublished_track_is_gone(class_):
    await class_.instructor.room.local_participant.unpublish_track(class_.camera.publication.sid)
    await until(lambda: ("unpublished", "camera") in class_.student.events, "the end of the camera")


@check
async def the_later_of_two_with_one_identity_stays(class_):
    twin = Person(class_.ready, "student", 0)
    await twin.join()
    await until(lambda: not class_.student.room.isconnected(), "the older student is sent away")
    await until(lambda: "student" in class_.instructor.room.remote_participants, "the newer one is there")
    await twin.room.disconnect()
    await until(lambda: "student" not in class_.instructor.room.remote_participants, "and then nobody")


class Class:
    def __init__(self, ready):
        self.ready = ready
        self.instructor = Person(ready, "instructor", 0)
        self.student = Person(ready, "student", 2)
        self.camera = Camera()


async def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        ready = json.load(file)
    class_ = Class(ready)
    await class_.instructor.join()
    await class_.student.join()
    failed = 0
    for function in CHECKS:
        try:
            await asyncio.wait_for(function(class_), 60)
            print(f"ok      {function.__name__}", flush=True)
        except Exception:  # every check is reported, whatever it broke on
            failed += 1
            print(f"FAILED  {function.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed", flush=True)
    return failed


if __name__ == "__main__":
    result = asyncio.run(main())
    # The native library may panic while the interpreter takes it down.
    os._exit(1 if result else 0)
