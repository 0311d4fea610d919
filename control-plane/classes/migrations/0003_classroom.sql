-- In class and after it.

-- One row for each class in which something happened. `version` grows by one with every change that pages hear of.
CREATE TABLE classroom (
    class_id TEXT PRIMARY KEY REFERENCES classes (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    spotlight TEXT
);

-- What an instructor allowed or forbade one person; null: as it is by default.
CREATE TABLE classroom_permissions (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    speak BIGINT,
    screen BIGINT,
    chat_muted BIGINT NOT NULL DEFAULT 0,
    -- The life of the room the person was sent out of.
    removed_room_sid TEXT,
    PRIMARY KEY (class_id, account_id)
);

CREATE TABLE quizzes (
    id TEXT PRIMARY KEY,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    -- Title, items, key, time limit: JSON.
    sheet TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    opened_at_ms BIGINT,
    -- When the timer closes it, or when it was closed.
    closes_at_ms BIGINT,
    room_sid TEXT,
    minute_ms BIGINT
);
CREATE INDEX quizzes_by_class ON quizzes (class_id, created_at_ms);

-- `id` is the client's: an answer that is sent again is found by it. One answer counts for each person, and one more
-- for the replay.
CREATE TABLE quiz_answers (
    id TEXT PRIMARY KEY,
    quiz_id TEXT NOT NULL REFERENCES quizzes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    replay BIGINT NOT NULL,
    answers TEXT NOT NULL,
    answered_at_ms BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    UNIQUE (quiz_id, account_id, replay)
);
CREATE INDEX quiz_answers_by_account ON quiz_answers (account_id);

CREATE TABLE polls (
    id TEXT PRIMARY KEY,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    sheet TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Of an anonymous poll, until it closes.
    salt TEXT,
    created_at_ms BIGINT NOT NULL,
    opened_at_ms BIGINT,
    room_sid TEXT,
    minute_ms BIGINT
);
CREATE INDEX polls_by_class ON polls (class_id, created_at_ms);

-- `voter` is an account, or, in an anonymous poll, a hash that means nothing once the salt is gone.
CREATE TABLE poll_votes (
    poll_id TEXT NOT NULL REFERENCES polls (id) ON DELETE CASCADE,
    voter TEXT NOT NULL,
    choices TEXT NOT NULL,
    PRIMARY KEY (poll_id, voter)
);

CREATE TABLE chat (
    id TEXT PRIMARY KEY,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    hidden BIGINT NOT NULL DEFAULT 0,
    room_sid TEXT
);
CREATE INDEX chat_by_class ON chat (class_id, at_ms, id);
CREATE INDEX chat_by_account ON chat (account_id);

CREATE TABLE hands (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    raised_at_ms BIGINT NOT NULL,
    room_sid TEXT,
    PRIMARY KEY (class_id, account_id)
);

-- Every raising of a hand, for the timeline.
CREATE TABLE hands_raised (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    raised_at_ms BIGINT NOT NULL,
    room_sid TEXT
);
CREATE INDEX hands_raised_by_class ON hands_raised (class_id, raised_at_ms);
CREATE INDEX hands_raised_by_account ON hands_raised (account_id);

CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    anonymous BIGINT NOT NULL,
    text TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    minute_ms BIGINT,
    replay BIGINT NOT NULL,
    room_sid TEXT,
    state TEXT NOT NULL,
    answer TEXT,
    votes BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX questions_by_class ON questions (class_id, at_ms);
CREATE INDEX questions_by_account ON questions (account_id);

CREATE TABLE question_votes (
    question_id TEXT NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (question_id, account_id)
);
CREATE INDEX question_votes_by_account ON question_votes (account_id);

CREATE TABLE board_threads (
    id TEXT PRIMARY KEY,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    minute_ms BIGINT,
    replies BIGINT NOT NULL DEFAULT 0,
    accepted_id TEXT
);
CREATE INDEX board_threads_by_class ON board_threads (class_id, at_ms, id);
CREATE INDEX board_threads_by_account ON board_threads (account_id);

CREATE TABLE board_replies (
    id TEXT PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES board_threads (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX board_replies_by_thread ON board_replies (thread_id, at_ms, id);
CREATE INDEX board_replies_by_account ON board_replies (account_id);

-- A correction of attendance, and the line of audit that it is: none is ever changed, the latest holds.
CREATE TABLE attendance_corrections (
    id TEXT PRIMARY KEY,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    room_sid TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    was TEXT NOT NULL,
    reason TEXT NOT NULL,
    by_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX attendance_corrections_by_class ON attendance_corrections (class_id, at_ms);
CREATE INDEX attendance_corrections_by_account ON attendance_corrections (account_id);

-- What was seen of a replay.
CREATE TABLE watched (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    room_sid TEXT NOT NULL,
    event TEXT NOT NULL,
    from_ms BIGINT NOT NULL,
    to_ms BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX watched_by_class ON watched (class_id, account_id);
CREATE INDEX watched_by_account ON watched (account_id);
