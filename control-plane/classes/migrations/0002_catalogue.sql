-- The truth about classes. What edges read of them stands in the fleet's store; `synced` is 0 while it does not agree.
CREATE TABLE classes (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    level TEXT NOT NULL,
    language TEXT NOT NULL,
    starts_at_ms BIGINT,
    duration_min BIGINT NOT NULL,
    time_zone TEXT NOT NULL,
    capacity BIGINT,
    recorded BIGINT NOT NULL,
    -- Null: made by a server with an API key for nobody in particular; then `instructor_name` may say who teaches.
    instructor_id TEXT REFERENCES accounts (id),
    instructor_name TEXT NOT NULL DEFAULT '',
    locked BIGINT NOT NULL DEFAULT 0,
    -- Seen by edges: when it was first live, and when its newest recording began.
    live_at_ms BIGINT,
    replay_at_ms BIGINT,
    synced BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX classes_by_age ON classes (created_at_ms, id);
CREATE INDEX classes_by_start ON classes (starts_at_ms, id);
CREATE INDEX classes_by_category ON classes (category, created_at_ms, id);
CREATE INDEX classes_by_instructor ON classes (instructor_id, created_at_ms);
CREATE INDEX classes_unsynced ON classes (synced, id);

-- Classes that are gone here and perhaps not yet in the fleet's store.
CREATE TABLE class_removals (
    id TEXT PRIMARY KEY,
    removed_at_ms BIGINT NOT NULL
);

-- state: enrolled | waiting. Who waits is served in the order of (at_ms, account_id).
CREATE TABLE enrolments (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (class_id, account_id)
);
CREATE INDEX enrolments_of_account ON enrolments (account_id, state, at_ms);
CREATE INDEX enrolments_in_order ON enrolments (class_id, state, at_ms, account_id);

CREATE TABLE likes (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (class_id, account_id)
);
CREATE INDEX likes_of_account ON likes (account_id, at_ms);

-- A link (`url`) or a file (`bytes`, kept outside).
CREATE TABLE materials (
    id TEXT PRIMARY KEY,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    url TEXT,
    bytes BIGINT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX materials_of_class ON materials (class_id, created_at_ms, id);

-- Reminders that were sent, so that none is sent twice.
CREATE TABLE reminders (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    starts_at_ms BIGINT NOT NULL,
    PRIMARY KEY (class_id, account_id, starts_at_ms)
);

-- Files of materials, in parts: any control plane serves them, and they are in every backup.
CREATE TABLE material_parts (
    material_id TEXT NOT NULL REFERENCES materials (id) ON DELETE CASCADE,
    part BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (material_id, part)
);
