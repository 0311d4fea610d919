-- Who there is. An erased account keeps its row without anything personal: what it wrote may still be referred to.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    -- Lower case. Null: erased, or signed in elsewhere without telling a mail address.
    email TEXT UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    locale TEXT NOT NULL,
    region TEXT,
    -- Null: signs in elsewhere.
    password_hash TEXT,
    disabled BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    erased_at_ms BIGINT
);

CREATE TABLE interests (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    category TEXT NOT NULL,
    PRIMARY KEY (account_id, category)
);

-- Only hashes of tokens: whoever reads this table cannot sign in with it.
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    -- The token before the last rotation, for requests that were under way.
    previous_hash TEXT UNIQUE,
    previous_until_ms BIGINT NOT NULL DEFAULT 0,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    csrf TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    rotated_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_of_account ON sessions (account_id);
CREATE INDEX sessions_expiry ON sessions (expires_at_ms);

-- Six digits sent by mail. `pending` is the account to be made, as JSON.
CREATE TABLE codes (
    email TEXT NOT NULL,
    purpose TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    pending TEXT,
    tries BIGINT NOT NULL DEFAULT 0,
    sent BIGINT NOT NULL DEFAULT 1,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (email, purpose)
);

-- Who somebody is at an OpenID provider.
CREATE TABLE identities (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_of_account ON identities (account_id);

-- A sign-in at a provider that has begun.
CREATE TABLE oidc_states (
    state_hash TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    -- Ties it to the browser that began.
    browser_hash TEXT NOT NULL,
    return_to TEXT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);

-- Mail on its way out. A row goes when the server has taken the mail.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    to_address TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    due_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at_ms);

CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    class_id TEXT,
    text_ko TEXT NOT NULL,
    text_en TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    read_at_ms BIGINT
);
CREATE INDEX notifications_of_account ON notifications (account_id, at_ms, id);

-- Work that one control plane does for all: reminders, mail.
CREATE TABLE duties (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);
