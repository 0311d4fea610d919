#!/usr/bin/env python3
"""Teach and attend a class with plain HTTP: any SDK can do the same.

    python3 classroom.py http://127.0.0.1:8080 API_KEY API_SECRET CLASS_ID TEACHER_ACCOUNT STUDENT_ACCOUNT

A quiz is asked, answered through a bad network, closed and revealed; then somebody chats, raises a hand and asks.
Needs nothing but Python 3.9. The accounts exist and the student has a place in the class (or it is open to everybody).
What others do in the meantime comes as data packets of topic `seodang.class`; see listen() at the end.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.error
import urllib.request
import uuid


class School:
    """The API as one account, through an API key of the deployment (server to server; pages use a session cookie)."""

    def __init__(self, url, key, secret, class_id, account):
        self.base = f"{url.rstrip('/')}/v1/classes/{class_id}"
        self.key, self.secret, self.account = key, secret, account

    def token(self):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

        claims = {"iss": self.key, "exp": int(time.time()) + 60, "video": {"roomAdmin": True}}
        signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
        tag = hmac.new(self.secret.encode(), signed, hashlib.sha256).digest()
        return (signed + b"." + base64.urlsafe_b64encode(tag).rstrip(b"=")).decode()

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.token()}", "x-on-behalf-of": self.account}
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=5) as response:
            text = response.read()
            return json.loads(text) if text else None

    def keep_asking(self, method, path, body=None):
        """Until it is answered. Safe for everything that carries an id of ours: sent twice, it is done once."""
        pause = 0.2
        while True:
            try:
                return self.ask(method, path, body)
            except urllib.error.HTTPError as refused:
                if refused.code < 500 and refused.code != 429:
                    raise SystemExit(f"{method} {path}: {refused.code} {refused.read().decode()}") from refused
                pause = float(refused.headers.get("retry-after", pause))
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                pass  # The network is away; the answer is not lost, it is only late.
            time.sleep(pause)
            pause = min(pause * 2, 5)


def main(url, key, secret, class_id, teacher_account, student_account):
    teacher = School(url, key, secret, class_id, teacher_account)
    student = School(url, key, secret, class_id, student_account)

    quiz = teacher.ask("POST", "/quizzes", {
        "title": "붓글씨",
        "items": [
            {"id": "ink", "kind": "single", "text": "먹은 무엇으로 만듭니까?",
             "choices": [{"id": "a", "text": "그을음"}, {"id": "b", "text": "숯"}]},
            {"id": "word", "kind": "short", "text": "먹을 가는 돌은?"},
        ],
        "key": {"ink": ["a"], "word": ["벼루"]},
        "time_limit_s": 60,
    })
    path = f"/quizzes/{quiz['id']}"
    teacher.ask("POST", path + "/open")

    # The id is made once and kept while trying again: however often it is delivered, the answer counts once.
    answer_id = str(uuid.uuid4())
    answer = {"answers": {"ink": ["a"], "word": ["벼 루"]}, "answered_at_ms": int(time.time() * 1000)}
    receipt = student.keep_asking("PUT", f"{path}/answers/{answer_id}", answer)
    assert student.keep_asking("PUT", f"{path}/answers/{answer_id}", answer) == receipt
    print("counted:", receipt["counted"], "at", receipt["received_at_ms"])

    print("tally:", teacher.ask("GET", path + "/tally")["items"])
    teacher.ask("POST", path + "/close")
    teacher.ask("POST", path + "/reveal")

    teacher.ask("PUT", "/slide", {"page": 1, "title": "먹 갈기"})
    slide = student.ask("GET", "/live")["slide"]
    print("slide:", slide["page"], slide["title"])

    student.keep_asking("POST", "/chat", {"id": str(uuid.uuid4()), "text": "안녕하세요"})
    student.ask("PUT", "/hand")
    student.keep_asking("POST", "/questions", {"id": str(uuid.uuid4()), "text": "먹은 어디서 사나요?"})

    live = student.ask("GET", "/live")
    mine = next(q for q in live["quizzes"] if q["id"] == quiz["id"])["mine"]
    print("score:", mine["score"], "hands:", [hand["account"]["name"] for hand in live["hands"]])
    student.ask("DELETE", "/hand")


def listen(room, school):
    """With a client SDK in the room (`pip install livekit`): words come in order, and a gap means GET /live."""
    known = {"v": school.ask("GET", "/live")["v"]}

    @room.on("data_received")
    def heard(packet):
        # Words are the server's: the same topic from a participant is a forgery.
        if packet.topic != "seodang.class" or packet.participant is not None:
            return
        word = json.loads(packet.data)
        v = word.get("v", 0)
        if v > known["v"] + 1 or (v > known["v"] and word["kind"] == "changed"):
            known["v"] = school.ask("GET", "/live")["v"]
        elif v == known["v"] + 1:
            known["v"] = word["v"]
            print(word["kind"], word)


if __name__ == "__main__":
    if len(sys.argv) != 7:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
