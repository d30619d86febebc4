-- Version 2 of buzon.db: certificates, authentication, and a queue that delivers. Frozen once it has been shipped.

-- Random bytes of the server's own, made at the first start.
CREATE TABLE secret (
    -- 'unknown-user': verifiers of names that nobody has; 'return-address': the hash of rewritten senders; 'ticket': TLS session tickets.
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL CHECK (length(value) >= 32)
) STRICT, WITHOUT ROWID;
INSERT INTO secret VALUES ('unknown-user', randomblob(32)), ('return-address', randomblob(32)), ('ticket', randomblob(80));

-- What the server proves itself with, as PEM. Those that are read from files are named by a setting.
CREATE TABLE certificate (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL CHECK (origin IN ('self-signed', 'given')),
    -- End-entity certificate first.
    chain TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Seconds since 1970.
    added INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;
CREATE UNIQUE INDEX certificate_self_signed ON certificate (origin) WHERE origin = 'self-signed';

-- A hash of another system, {SCHEME}value, until the user's first login turns it into verifiers.
CREATE TABLE password_hash (
    user_id INTEGER NOT NULL PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
    value TEXT NOT NULL CHECK (value GLOB '{?*}?*')
) STRICT;

-- The password itself, for CRAM-MD5 and DIGEST-MD5: only while the setting legacy-mechanisms is on.
CREATE TABLE plain_password (
    user_id INTEGER NOT NULL PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
    password BLOB NOT NULL
) STRICT;

CREATE TRIGGER user_delete_credentials BEFORE DELETE ON user BEGIN
    DELETE FROM password_hash WHERE user_id = OLD.id;
    DELETE FROM plain_password WHERE user_id = OLD.id;
    DELETE FROM known_address WHERE user_id = OLD.id;
    DELETE FROM sent WHERE user_id = OLD.id;
END;

-- Where users logged in from lately: never locked out.
CREATE TABLE known_address (
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    -- Seconds since 1970, to the hour.
    last INTEGER NOT NULL,
    PRIMARY KEY (user_id, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_address_address ON known_address (address, last);

-- Who is refused for wrong passwords.
CREATE TABLE lockout (
    kind TEXT NOT NULL CHECK (kind IN ('address', 'account')),
    key TEXT NOT NULL,
    failures INTEGER NOT NULL,
    -- Seconds since 1970.
    last INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

-- Recipients that a user sent to in one day (UTC: seconds since 1970 / 86400).
CREATE TABLE sent (
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    recipients INTEGER NOT NULL DEFAULT 0,
    -- Whether the administrator was told that it was too much.
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    PRIMARY KEY (user_id, day)
) STRICT, WITHOUT ROWID;

-- The way out.

-- Whose login it came with; empty for mail from elsewhere.
ALTER TABLE outgoing ADD COLUMN login TEXT NOT NULL DEFAULT '';
-- RFC 4865: until when it was to wait, seconds since 1970; its lifetime counts from then.
ALTER TABLE outgoing ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
-- RFC 8689.
ALTER TABLE outgoing ADD COLUMN requires_tls INTEGER NOT NULL DEFAULT 0 CHECK (requires_tls IN (0, 1));
-- Whether the content has octets above 127.
ALTER TABLE outgoing ADD COLUMN eight_bit INTEGER NOT NULL DEFAULT 0 CHECK (eight_bit IN (0, 1));
-- RFC 5322 Message-ID, for reports and lists.
ALTER TABLE outgoing ADD COLUMN message_id TEXT NOT NULL DEFAULT '';

-- The destination's domain, A-label, lower case: what is delivered together. A domain literal as it is.
ALTER TABLE outgoing_recipient ADD COLUMN domain TEXT NOT NULL DEFAULT '';
-- When to try next, seconds since 1970. 0: not tried yet; -1: the administrator asked for it now.
ALTER TABLE outgoing_recipient ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
-- Held back by the administrator.
ALTER TABLE outgoing_recipient ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
ALTER TABLE outgoing_recipient ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
-- Of the last attempt: when, with which host, what it answered (code 0: no answer), and what went wrong in a word.
ALTER TABLE outgoing_recipient ADD COLUMN last_attempt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outgoing_recipient ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE outgoing_recipient ADD COLUMN code INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outgoing_recipient ADD COLUMN reply TEXT NOT NULL DEFAULT '';
ALTER TABLE outgoing_recipient ADD COLUMN reason TEXT NOT NULL DEFAULT '';
-- Whether the sender was told of the delay.
ALTER TABLE outgoing_recipient ADD COLUMN warned INTEGER NOT NULL DEFAULT 0 CHECK (warned IN (0, 1));
-- What follows the last @.
UPDATE outgoing_recipient SET domain = lower(replace(address, rtrim(address, replace(address, '@', '')), ''));
CREATE INDEX outgoing_recipient_domain ON outgoing_recipient (domain, held, due, outgoing_id);
CREATE INDEX outgoing_queue_id ON outgoing (queue_id);

-- Smarthosts: for a domain, or for every other one ('').
CREATE TABLE route (
    domain TEXT NOT NULL PRIMARY KEY,
    -- A name or an address; empty: straight to the domain's own hosts.
    host TEXT NOT NULL,
    port INTEGER NOT NULL DEFAULT 587 CHECK (port BETWEEN 1 AND 65535),
    tls TEXT NOT NULL DEFAULT 'required' CHECK (tls IN ('never', 'offered', 'required', 'verified', 'implicit')),
    user TEXT NOT NULL DEFAULT '',
    password BLOB NOT NULL DEFAULT x''
) STRICT, WITHOUT ROWID;

-- RFC 8461.
CREATE TABLE mta_sts (
    domain TEXT NOT NULL PRIMARY KEY,
    -- The id of the TXT record that it was fetched for.
    policy_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    -- Seconds since 1970.
    fetched INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- RFC 8460: what a report for a day and a domain is made of.
CREATE TABLE tls_result (
    day INTEGER NOT NULL,
    domain TEXT NOT NULL,
    -- 'tlsa', 'sts', 'no-policy-found'.
    policy_type TEXT NOT NULL,
    policy TEXT NOT NULL,
    mx TEXT NOT NULL,
    -- RFC 8460 §4.3; empty for success.
    result TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '',
    sessions INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, domain, policy_type, mx, result, detail)
) STRICT, WITHOUT ROWID;
