-- Version 3 of buzon.db: policy, quarantine, scans. Frozen once it has been shipped.

-- What a policy says in one scope; the narrowest one that says something counts.
CREATE TABLE policy (
    -- '' for the server, a domain, or user@domain.
    scope TEXT NOT NULL,
    -- In AMaViS's words: bypass_virus_checks, final_virus_destiny…
    key TEXT NOT NULL CHECK (key <> ''),
    value TEXT NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- Opinions about senders.
CREATE TABLE sender_list (
    scope TEXT NOT NULL,
    -- user@domain, user@, domain, .domain for it and all below it, . for everybody, <> for the null sender.
    sender TEXT NOT NULL CHECK (sender <> ''),
    -- 'white', 'black', or points that are added to the score.
    opinion TEXT NOT NULL CHECK (opinion <> ''),
    PRIMARY KEY (scope, sender)
) STRICT, WITHOUT ROWID;

-- Rows for nobody would come to whoever gets the name later.
CREATE TRIGGER policy_insert BEFORE INSERT ON policy BEGIN
    SELECT RAISE(ABORT, 'policy: scope must be empty, a domain or a user, in lower case')
    WHERE NEW.scope <> '' AND NEW.scope NOT IN (SELECT name FROM domain) AND NEW.scope NOT IN (SELECT email FROM user);
END;
CREATE TRIGGER policy_update BEFORE UPDATE OF scope ON policy BEGIN
    SELECT RAISE(ABORT, 'policy: scope must be empty, a domain or a user, in lower case')
    WHERE NEW.scope <> '' AND NEW.scope NOT IN (SELECT name FROM domain) AND NEW.scope NOT IN (SELECT email FROM user);
END;
CREATE TRIGGER sender_list_insert BEFORE INSERT ON sender_list BEGIN
    SELECT RAISE(ABORT, 'sender_list: scope must be empty, a domain or a user, in lower case')
    WHERE NEW.scope <> '' AND NEW.scope NOT IN (SELECT name FROM domain) AND NEW.scope NOT IN (SELECT email FROM user);
    SELECT RAISE(ABORT, 'sender_list: at most 10000 entries for one scope')
    WHERE (SELECT count(*) FROM sender_list WHERE scope = NEW.scope) >= 10000
        AND NOT EXISTS (SELECT 1 FROM sender_list WHERE scope = NEW.scope AND sender = NEW.sender);
END;
CREATE TRIGGER sender_list_update BEFORE UPDATE OF scope ON sender_list BEGIN
    SELECT RAISE(ABORT, 'sender_list: scope must be empty, a domain or a user, in lower case')
    WHERE NEW.scope <> '' AND NEW.scope NOT IN (SELECT name FROM domain) AND NEW.scope NOT IN (SELECT email FROM user);
END;

CREATE TRIGGER user_delete_policy AFTER DELETE ON user BEGIN
    DELETE FROM policy WHERE scope = OLD.email;
    DELETE FROM sender_list WHERE scope = OLD.email;
END;
CREATE TRIGGER user_rename_policy AFTER UPDATE OF email ON user WHEN NEW.email <> OLD.email BEGIN
    UPDATE policy SET scope = NEW.email WHERE scope = OLD.email;
    UPDATE sender_list SET scope = NEW.email WHERE scope = OLD.email;
END;
CREATE TRIGGER domain_delete_policy AFTER DELETE ON domain BEGIN
    DELETE FROM policy WHERE scope = OLD.name;
    DELETE FROM sender_list WHERE scope = OLD.name;
END;
CREATE TRIGGER domain_rename_policy AFTER UPDATE OF name ON domain WHEN NEW.name <> OLD.name BEGIN
    UPDATE policy SET scope = NEW.name WHERE scope = OLD.name;
    UPDATE sender_list SET scope = NEW.name WHERE scope = OLD.name;
END;

-- Messages that were held back, discarded or refused.
CREATE TABLE quarantine (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    queue_id TEXT NOT NULL,
    -- Seconds since 1970: when the message came; when it came here.
    received INTEGER NOT NULL,
    zone INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    body_id INTEGER NOT NULL REFERENCES body (id),
    message_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    -- Empty: the null reverse-path.
    sender TEXT NOT NULL,
    -- Decoded, for lists.
    from_text TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- 'virus', 'banned', 'poisoned', 'limit', 'encrypted', 'unopened', 'spam'.
    category TEXT NOT NULL,
    -- Keys of the texts with their values, one on a line.
    reasons TEXT NOT NULL,
    -- What releasing it to another server takes: as in outgoing.
    relay_prefix BLOB NOT NULL DEFAULT x'',
    ret TEXT NOT NULL DEFAULT '' CHECK (ret IN ('', 'FULL', 'HDRS')),
    envelope_id TEXT NOT NULL DEFAULT '',
    smtputf8 INTEGER NOT NULL DEFAULT 0 CHECK (smtputf8 IN (0, 1)),
    login TEXT NOT NULL DEFAULT '',
    requires_tls INTEGER NOT NULL DEFAULT 0 CHECK (requires_tls IN (0, 1)),
    eight_bit INTEGER NOT NULL DEFAULT 0 CHECK (eight_bit IN (0, 1)),
    -- Bytes that it takes: of the original, and about those of its rows.
    size INTEGER NOT NULL CHECK (size >= 0),
    -- Whether somebody waits for it: else it is a copy of what was discarded or refused, which goes first when room is needed.
    held INTEGER NOT NULL CHECK (held IN (0, 1))
) STRICT;
CREATE INDEX quarantine_body ON quarantine (body_id);
CREATE INDEX quarantine_created ON quarantine (created);
CREATE INDEX quarantine_held ON quarantine (held, id);

-- What all of it takes, so that nobody has to add it up for each message.
INSERT INTO counter VALUES ('quarantine', 0);
CREATE TRIGGER quarantine_insert AFTER INSERT ON quarantine BEGIN
    UPDATE counter SET value = value + NEW.size WHERE name = 'quarantine';
END;

CREATE TABLE quarantine_recipient (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    quarantine_id INTEGER NOT NULL REFERENCES quarantine (id) ON DELETE CASCADE,
    -- As the sender wrote it, and where it would have gone.
    recipient TEXT NOT NULL,
    destination TEXT NOT NULL,
    -- 0: leaves the server.
    user_id INTEGER NOT NULL DEFAULT 0,
    fate TEXT NOT NULL CHECK (fate IN ('quarantine', 'discard', 'bounce', 'reject')),
    -- As the message would have been delivered, but for its mailbox: INBOX. The hidden range is of the original.
    prefix BLOB NOT NULL DEFAULT x'',
    hidden_start INTEGER NOT NULL DEFAULT 0,
    hidden_end INTEGER NOT NULL DEFAULT 0 CHECK (hidden_end >= hidden_start AND hidden_start >= 0),
    envelope BLOB NOT NULL DEFAULT x'',
    -- For those that leave: as in outgoing_recipient.
    forwarded_for TEXT NOT NULL DEFAULT '',
    notify INTEGER NOT NULL DEFAULT -1 CHECK (notify BETWEEN -1 AND 7),
    original_type TEXT NOT NULL DEFAULT '',
    original_address TEXT NOT NULL DEFAULT '',
    -- When it was released to him, seconds since 1970; 0: not yet.
    released INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX quarantine_recipient_quarantine ON quarantine_recipient (quarantine_id);
CREATE INDEX quarantine_recipient_user ON quarantine_recipient (user_id) WHERE user_id <> 0;

-- Who refers to a body keeps it.
DROP TRIGGER message_delete;
CREATE TRIGGER message_delete AFTER DELETE ON message
WHEN NOT EXISTS (SELECT 1 FROM message WHERE body_id = OLD.body_id) AND NOT EXISTS (SELECT 1 FROM outgoing WHERE body_id = OLD.body_id)
    AND NOT EXISTS (SELECT 1 FROM quarantine WHERE body_id = OLD.body_id) BEGIN
    DELETE FROM body WHERE id = OLD.body_id;
END;
DROP TRIGGER outgoing_delete;
CREATE TRIGGER outgoing_delete AFTER DELETE ON outgoing BEGIN
    DELETE FROM outgoing_recipient WHERE outgoing_id = OLD.id;
    DELETE FROM body WHERE id = OLD.body_id AND NOT EXISTS (SELECT 1 FROM message WHERE body_id = OLD.body_id)
        AND NOT EXISTS (SELECT 1 FROM outgoing WHERE body_id = OLD.body_id)
        AND NOT EXISTS (SELECT 1 FROM quarantine WHERE body_id = OLD.body_id);
END;
CREATE TRIGGER quarantine_delete AFTER DELETE ON quarantine BEGIN
    UPDATE counter SET value = max(0, value - OLD.size) WHERE name = 'quarantine';
    DELETE FROM quarantine_recipient WHERE quarantine_id = OLD.id;
    DELETE FROM body WHERE id = OLD.body_id AND NOT EXISTS (SELECT 1 FROM message WHERE body_id = OLD.body_id)
        AND NOT EXISTS (SELECT 1 FROM outgoing WHERE body_id = OLD.body_id)
        AND NOT EXISTS (SELECT 1 FROM quarantine WHERE body_id = OLD.body_id);
END;
CREATE TRIGGER user_delete_quarantine AFTER DELETE ON user BEGIN
    DELETE FROM quarantine_recipient WHERE user_id = OLD.id;
    DELETE FROM quarantine WHERE NOT EXISTS (SELECT 1 FROM quarantine_recipient WHERE quarantine_id = quarantine.id);
END;

-- ENVELOPE where it differs from the body's: a reader with a tagged subject.
ALTER TABLE message ADD COLUMN envelope BLOB NOT NULL DEFAULT x'';

-- When a body came, seconds since 1970: those that came lately are scanned again with new signatures. 0: before this version.
ALTER TABLE body ADD COLUMN received INTEGER NOT NULL DEFAULT 0;

-- How far the second look with new signatures has come: one row.
CREATE TABLE rescan (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- The signatures that it is done with.
    signatures TEXT NOT NULL,
    -- Bodies up to this one have been looked at.
    body_id INTEGER NOT NULL
) STRICT;
