-- Which slide is shown. Each change is a row, and the latest one of a lesson holds; on page 0 there is none.
CREATE TABLE slides (
    class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
    -- The class's version with it.
    v BIGINT NOT NULL,
    -- Who showed it; null: a server.
    account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    material_id TEXT REFERENCES materials (id) ON DELETE SET NULL,
    title TEXT NOT NULL,
    page BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    room_sid TEXT,
    minute_ms BIGINT,
    PRIMARY KEY (class_id, v)
);
CREATE INDEX slides_by_account ON slides (account_id);
CREATE INDEX slides_by_material ON slides (material_id);
