"""The standards door: aiortc publishes by WHIP on one edge, plays by WHEP on another, and stock SDKs share its class.

Run with the ready file of `seodang dev` as the only argument. Prints one line for each check and ends with a count.

The edge is always the DTLS server: an offer with `a=setup:passive` is refused with 422 and a sentence that says what to
offer instead (`actpass`, as aiortc does, or `active`).
"""

import asyncio
import datetime
import json
import os
import re
import sys
import time
import traceback
from fractions import Fraction
from urllib.parse import urljoin

import aiohttp
import numpy as np
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame
from livekit import api, rtc

ROOM = f"whip-{int(time.time())}"
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def token(ready, identity, room=ROOM, ttl_s=600, **grants):
    return (
        api.AccessToken(ready["api_key"], ready["api_secret"])
        .with_identity(identity)
        .with_name(identity.title())
        .with_ttl(datetime.timedelta(seconds=ttl_s))
        .with_grants(api.VideoGrants(room_join=True, room=room, **grants))
        .to_jwt()
    )


class Camera(VideoStreamTrack):
    """A picture whose brightness counts."""

    def __init__(self):
        super().__init__()
        self.count = 0

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        self.count += 1
        picture = np.full((240, 320, 3), (self.count * 5) % 256, dtype=np.uint8)
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Microphone(AudioStreamTrack):
    """A tone of 440 Hz in frames of 20 ms."""

    def __init__(self):
        super().__init__()
        self.samples = 0
        self.start = None

    async def recv(self):
        self.start = self.start or time.monotonic()
        await asyncio.sleep(self.start + self.samples / 48_000 - time.monotonic())
        phase = (np.arange(960) + self.samples) * 2 * np.pi * 440 / 48_000
        wave = (np.sin(phase) * 12_000).astype(np.int16).reshape(1, -1)
        frame = AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self.samples, Fraction(1, 48_000)
        self.samples += 960
        return frame


class Client:
    """One WHIP or WHEP session of aiortc."""

    def __init__(self, class_, door, edge, identity, room=ROOM):
        self.http = class_.http
        self.url = f"{class_.ready['edges'][edge]['url']}/{door}/{room}"
        self.token = token(class_.ready, identity, room)
        self.pc = RTCPeerConnection()
        self.headers = None
        self.location = None
        self.answer = None
        self.frames = self.loudest = 0
        self.brightness = set()
        self.first_frame_s = None
        self.tasks = []
        self.pc.on("track", lambda track: self.tasks.append(asyncio.create_task(self.consume(track))))

    async def consume(self, track):
        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.first_frame_s = self.first_frame_s or time.monotonic()
                    self.frames += 1
                    self.brightness.add(int(frame.to_ndarray(format="gray8").mean()))
                else:
                    self.loudest = max(self.loudest, int(np.abs(frame.to_ndarray().astype(np.int32)).max(initial=0)))
        except MediaStreamError:
            pass

    def forget(self):
        self.frames = self.loudest = 0
        self.brightness = set()

    async def publish(self):
        self.pc.addTransceiver(Microphone(), "sendonly")
        self.pc.addTransceiver(Camera(), "sendonly")
        return await self.open()

    async def play(self):
        self.pc.addTransceiver("audio", "recvonly")
        self.pc.addTransceiver("video", "recvonly")
        return await self.open()

    async def open(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        status, self.headers, self.answer = await self.post(self.pc.localDescription.sdp)
        assert status == 201, f"{status}: {self.answer}"
        self.location = urljoin(self.url, self.headers["Location"])
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        await until(lambda: self.pc.connectionState == "connected", "ICE and DTLS", 10)
        return self

    def authorization(self):
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, sdp):
        headers = {"Content-Type": SDP, **self.authorization()}
        return await send(self.http, "POST", self.url, headers, sdp)

    async def patch(self, body, **changes):
        headers = {"Content-Type": FRAGMENT, "If-Match": self.headers["ETag"], **self.authorization()}
        headers.update({name.replace("_", "-"): value for name, value in changes.items()})
        return await send(self.http, "PATCH", self.location, {n: v for n, v in headers.items() if v}, body)

    async def delete(self):
        status, _, _ = await send(self.http, "DELETE", self.location, self.authorization(), None)
        return status

    async def close(self):
        await self.pc.close()
        for task in self.tasks:
            task.cancel()


async def send(http, method, url, headers, body):
    async with http.request(method, url, headers=headers, data=body, skip_auto_headers=["Content-Type"]) as response:
        return response.status, response.headers, await response.text()


async def until(condition, what, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {what}")


class Student:
    """The stock SDK in the same class."""

    def __init__(self, class_, edge):
        self.url = class_.ready["edges"][edge]["url"].replace("http", "ws", 1)
        self.token = token(class_.ready, "student")
        self.room = rtc.Room()
        self.tracks = {}
        self.room.on("track_subscribed", lambda track, _, who: self.tracks.__setitem__((who.identity, track.kind), track))

    async def see(self, identity, count):
        stream = rtc.VideoStream(self.tracks[(identity, rtc.TrackKind.KIND_VIDEO)])
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == count:
                break
        await stream.aclose()
        return seen

    async def hear(self, identity, count):
        stream = rtc.AudioStream(self.tracks[(identity, rtc.TrackKind.KIND_AUDIO)], sample_rate=48_000, num_channels=1)
        loudest = seen = 0
        async for event in stream:
            samples = np.frombuffer(event.frame.data, dtype=np.int16)
            loudest = max(loudest, int(np.abs(samples.astype(np.int32)).max(initial=0)))
            seen += 1
            if seen == count:
                break
        await stream.aclose()
        return loudest

    async def publish(self):
        self.source = rtc.VideoSource(320, 240)
        track = rtc.LocalVideoTrack.create_video_track("camera", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
        await self.room.local_participant.publish_track(track, options)
        self.task = asyncio.create_task(self.film())

    async def film(self):
        count = 0
        while True:
            count += 1
            picture = np.full((240, 320, 4), (count * 5) % 256, dtype=np.uint8)
            self.source.capture_frame(rtc.VideoFrame(320, 240, rtc.VideoBufferType.RGBA, picture.tobytes()))
            await asyncio.sleep(1 / 15)


@check
async def the_doors_say_what_they_take(class_):
    for door in ("whip", "whep"):
        url = f"{class_.ready['edges'][0]['url']}/{door}/{ROOM}"
        preflight = {"Origin": "https://studio.example", "Access-Control-Request-Method": "POST"}
        status, headers, _ = await send(class_.http, "OPTIONS", url, preflight, None)
        assert status in (200, 204), status
        assert headers["Accept-Post"] == SDP, headers
        assert "POST" in headers["Access-Control-Allow-Methods"], headers
        assert headers["Access-Control-Allow-Origin"] == "*", headers
        assert "authorization" in headers["Access-Control-Allow-Headers"].lower(), headers
        status, headers, _ = await send(class_.http, "GET", url, {}, None)
        assert (status, "POST" in headers["Allow"]) == (405, True), (status, headers)


@check
async def an_encoder_publishes_with_one_post(class_):
    began = time.monotonic()
    await class_.encoder.publish()
    print(f"        connected {time.monotonic() - began:.2f} s after the POST was begun")
    headers = class_.encoder.headers
    assert headers["Content-Type"] == SDP, headers
    assert re.fullmatch(r'"[^"]+"', headers["ETag"]), headers["ETag"]
    assert headers["Accept-Patch"] == FRAGMENT, headers
    assert headers["Access-Control-Allow-Origin"] == "*", headers
    assert len(headers["Location"].rsplit("/", 1)[1]) >= 22, "the session's id is hard to guess"
    for link in headers.getall("Link", []):
        assert re.match(r'<(stun|turns?):[^>]+>; rel="ice-server"', link), link
    assert "a=ice-lite" in class_.encoder.answer
    assert class_.encoder.answer.count("a=recvonly") == 2, class_.encoder.answer
    assert class_.encoder.answer.count("a=setup:passive") >= 1, class_.encoder.answer


@check
async def a_player_in_another_region_sees_and_hears_the_encoder(class_):
    began = time.monotonic()
    await class_.player.play()
    await until(lambda: class_.player.frames >= 60, "60 decoded frames", 15)
    print(f"        first picture {class_.player.first_frame_s - began:.2f} s after the POST was begun")
    assert len(class_.player.brightness) >= 20, "the picture moves"
    await until(lambda: class_.player.loudest > 3_000, "the tone", 10)
    assert class_.player.first_frame_s - began <= 2.0, "a picture within two seconds"


@check
async def a_student_with_the_sdk_sees_and_hears_the_encoder(class_):
    await asyncio.wait_for(class_.student.room.connect(class_.student.url, class_.student.token), 15)
    await until(lambda: "encoder" in class_.student.room.remote_participants, "the encoder in the roster")
    encoder = class_.student.room.remote_participants["encoder"]
    assert encoder.kind == rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS, encoder.kind
    assert encoder.name == "Encoder", encoder.name
    await until(lambda: len(class_.student.tracks) == 2, "both tracks")
    assert await class_.student.see("encoder", 30) == 30
    assert await class_.student.hear("encoder", 100) > 3_000


@check
async def candidates_are_taken_and_conditions_kept(class_):
    ufrag = re.search(r"a=ice-ufrag:(\S+)", class_.encoder.pc.localDescription.sdp)[1]
    password = re.search(r"a=ice-pwd:(\S+)", class_.encoder.pc.localDescription.sdp)[1]
    fragment = (
        f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n"
    )
    patch = class_.encoder.patch
    assert (await patch(fragment))[0] == 204
    assert (await patch(fragment, If_Match="*"))[0] == 204
    assert (await patch(fragment, If_Match='"of another time"'))[0] == 412
    assert (await patch(fragment, If_Match=None))[0] == 428
    assert (await patch(fragment, Content_Type=SDP))[0] == 415
    assert (await patch("no fragment at all"))[0] == 400
    assert (await patch(fragment, Authorization=None))[0] == 401
    other = token(class_.ready, "encoder", room="another-room")
    assert (await patch(fragment, Authorization=f"Bearer {other}"))[0] == 403
    # ICE restart is not served; RFC 9725 lets the server refuse, and the session goes on.
    status, _, reason = await patch(fragment.replace(ufrag, "ABCD" + ufrag), If_Match="*")
    assert (status, "new session" in reason) == (422, True), (status, reason)
    assert class_.encoder.pc.connectionState == "connected"
    class_.player.forget()
    await until(lambda: class_.player.frames >= 15, "pictures after all that")


@check
async def what_cannot_be_admitted_is_refused_with_a_reason(class_):
    ready, probe = class_.ready, class_.refused
    probe.pc.addTransceiver("audio", "sendonly")
    await probe.pc.setLocalDescription(await probe.pc.createOffer())
    offer = probe.pc.localDescription.sdp
    bearer = lambda *args, **grants: {"Authorization": f"Bearer {token(ready, *args, **grants)}"}
    stranger = api.AccessToken(ready["api_key"], "another secret, as long as secrets are").with_identity("x")
    stranger = stranger.with_grants(api.VideoGrants(room_join=True, room=ROOM)).to_jwt()
    without = lambda pattern: re.sub(pattern, "", offer)
    matrix = [
        ("no token", 401, {"Authorization": None}, offer),
        ("no JWT", 401, {"Authorization": "Bearer abc"}, offer),
        ("another scheme", 401, {"Authorization": "Basic YTpi"}, offer),
        ("a wrong key", 401, {"Authorization": f"Bearer {stranger}"}, offer),
        ("an expired token", 401, bearer("x", ttl_s=-3_600), offer),
        ("another room", 403, bearer("x", "another-room"), offer),
        ("not allowed to publish", 403, bearer("x", can_publish=False), offer),
        ("no SDP", 400, {}, "hello"),
        ("JSON", 415, {"Content-Type": "application/json"}, offer),
        ("an answer nobody gives", 406, {"Accept": "text/html"}, offer),
        ("no fingerprint", 422, {}, without(r"a=fingerprint:.*\r\n")),
        ("no ICE", 422, {}, without(r"a=ice-(ufrag|pwd):.*\r\n")),
        ("a DTLS server", 422, {}, offer.replace("a=setup:actpass", "a=setup:passive")),
        ("nothing to publish", 422, {}, offer.replace("a=sendonly", "a=recvonly")),
        ("too long", 413, {}, offer + "a=x:" + "y" * 70_000 + "\r\n"),
        ("far too long", 413, {}, offer + "a=x:" + "y" * 400_000 + "\r\n"),
    ]
    broken = []
    for name, expected, changes, body in matrix:
        headers = {"Content-Type": SDP, **bearer("refused"), **changes}
        status, answer, reason = await send(class_.http, "POST", probe.url, {n: v for n, v in headers.items() if v}, body)
        if status != expected or not reason or (status == 401 and "WWW-Authenticate" not in answer):
            broken.append((name, expected, status, reason))
    assert not broken, broken
    status, _, reason = await send(
        class_.http, "POST", probe.url.replace("/whip/", "/whep/"), {"Content-Type": SDP, **bearer("x", can_subscribe=False)}, offer
    )
    assert (status, bool(reason)) == (403, True), (status, reason)
    nowhere = f"{probe.url}/{'0' * 32}"
    for method in ("PATCH", "DELETE"):
        status, _, _ = await send(class_.http, method, nowhere, {"Content-Type": FRAGMENT, **bearer("refused")}, "a=mid:0\r\n")
        assert status == 404, (method, status)
    assert "refused" not in class_.student.room.remote_participants
    class_.player.forget()
    await until(lambda: class_.player.frames >= 15, "the class notices nothing")


@check
async def a_player_sees_whoever_publishes_after_it(class_):
    """A WHEP player negotiates once, before anybody of its room is there; then a stock SDK publishes."""
    await class_.early.play()
    assert class_.early.answer.count("a=sendonly") == 2, class_.early.answer
    assert class_.early.frames == 0
    teacher = Student(class_, 0)
    teacher.token = token(class_.ready, "teacher", class_.early_room)
    await asyncio.wait_for(teacher.room.connect(teacher.url, teacher.token), 15)
    await teacher.publish()
    await until(lambda: class_.early.frames >= 20, "pictures of a later publisher", 15)
    teacher.task.cancel()
    await teacher.room.disconnect()


@check
async def the_same_identity_published_anew_ends_the_older_session(class_):
    await class_.again.publish()
    await until(lambda: class_.encoder.pc.connectionState == "closed", "the older connection is closed by the edge")
    assert await class_.encoder.delete() == 404
    class_.player.forget()
    await until(lambda: class_.player.frames >= 30, "the player sees the newer one")
    await until(lambda: class_.player.loudest > 3_000, "and hears it")


@check
async def delete_ends_a_session_once(class_):
    assert await class_.again.delete() == 200
    assert await class_.again.delete() == 404
    await until(lambda: "encoder" not in class_.student.room.remote_participants, "the encoder leaves the roster")
    await until(lambda: class_.again.pc.connectionState == "closed", "the edge closes the connection")
    assert await class_.player.delete() == 200
    assert await class_.player.delete() == 404
    await until(lambda: class_.player.pc.connectionState == "closed", "and the player's")


@check
async def an_encoder_that_closes_its_connection_is_gone(class_):
    await class_.brief.publish()
    await until(lambda: "brief" in class_.student.room.remote_participants, "the encoder in the roster")
    await class_.brief.pc.close()
    await until(lambda: "brief" not in class_.student.room.remote_participants, "and out of it")
    assert await class_.brief.delete() == 404


class Class:
    def __init__(self, ready, http):
        self.ready = ready
        self.http = http
        self.early_room = f"{ROOM}-early"
        self.encoder = Client(self, "whip", 0, "encoder")
        self.player = Client(self, "whep", 2, "player")
        self.student = Student(self, 2)
        self.refused = Client(self, "whip", 0, "refused")
        self.early = Client(self, "whep", 2, "early", self.early_room)
        self.again = Client(self, "whip", 0, "encoder")
        self.brief = Client(self, "whip", 0, "brief")


async def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        ready = json.load(file)
    async with aiohttp.ClientSession() as http:
        class_ = Class(ready, http)
        failed = 0
        for function in CHECKS:
            try:
                await asyncio.wait_for(function(class_), 60)
                print(f"ok      {function.__name__}", flush=True)
            except Exception:  # every check is reported, whatever it broke on
                failed += 1
                print(f"FAILED  {function.__name__}\n{traceback.format_exc()}", flush=True)
        await class_.early.close()
    print(f"{len(CHECKS) - failed} passed, {failed} failed", flush=True)
    return failed


if __name__ == "__main__":
    result = asyncio.run(main())
    # The native library may panic while the interpreter takes it down.
    os._exit(1 if result else 0)
