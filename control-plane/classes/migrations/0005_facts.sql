-- What edges say of who came, left and published; each fact once, by what the edge numbered it.
CREATE TABLE facts (
    node TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    room TEXT NOT NULL,
    room_sid TEXT NOT NULL,
    kind TEXT NOT NULL,
    identity TEXT,
    participant_sid TEXT,
    track_sid TEXT,
    source TEXT,
    reason TEXT,
    -- 1: the control plane concluded it; goes when the edge says it itself.
    concluded BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (node, epoch, sequence)
);
CREATE INDEX facts_by_room ON facts (room, at_ms);
CREATE INDEX facts_by_participant ON facts (participant_sid, kind);
CREATE INDEX facts_by_kind ON facts (kind, at_ms);
