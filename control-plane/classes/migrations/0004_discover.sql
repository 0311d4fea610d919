-- What people look for, and what they wish for.

-- A search that somebody finished typing. `found` 0: what is wanted and not there.
CREATE TABLE searches (
    id TEXT PRIMARY KEY,
    -- Null: not signed in, or erased.
    account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    region TEXT NOT NULL DEFAULT '',
    category TEXT NOT NULL DEFAULT '',
    found BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX searches_by_time ON searches (at_ms);
CREATE INDEX searches_of_account ON searches (account_id, at_ms);

CREATE TABLE wishes (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    category TEXT NOT NULL DEFAULT '',
    level TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    region TEXT NOT NULL DEFAULT '',
    -- JSON: ["weekday-evening", …]
    times TEXT NOT NULL DEFAULT '[]',
    at_ms BIGINT NOT NULL
);
CREATE INDEX wishes_of_account ON wishes (account_id, at_ms);
CREATE INDEX wishes_by_time ON wishes (at_ms);

-- Classes that came true of a wish: each is told once.
CREATE TABLE wish_matches (
    wish_id TEXT NOT NULL REFERENCES wishes (id) ON DELETE CASCADE,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (wish_id, class_id)
);

-- Classes whose page somebody opened.
CREATE TABLE looks (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, class_id)
);
