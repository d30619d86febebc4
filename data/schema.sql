-- Version 1 of buzon.db. Frozen once it has been shipped: a change is a new migration.
--
-- The sqlite3 tool may write here while the server runs, with foreign keys off and none of our functions. So triggers
-- use built-in functions only and do by hand what a foreign key would.

CREATE TABLE setting (
    key TEXT NOT NULL PRIMARY KEY CHECK (key <> ''),
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that never come back: the last body identity, the last commit number, the last UIDVALIDITY, the segment that the last
-- commit's bodies went to.
CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('body', 0), ('commit', 0), ('uidvalidity', unixepoch()), ('segment', 0);

-- Addresses and domains.

CREATE TABLE domain (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
        CHECK (length(name) BETWEEN 1 AND 253 AND name NOT GLOB '*[^-a-z0-9._]*' AND name NOT GLOB '.*' AND name NOT GLOB '*.'
            AND instr(CAST(name AS BLOB), x'00') = 0)
) STRICT;

CREATE TABLE user (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    domain_id INTEGER NOT NULL REFERENCES domain (id),
    email TEXT NOT NULL UNIQUE
        -- No separators, no control characters: these names go into files and on the wire.
        CHECK (length(email) BETWEEN 3 AND 320 AND email NOT GLOB '*[ ,<>' || char(1) || '-' || char(31, 127) || ']*'
            AND instr(CAST(email AS BLOB), x'00') = 0 AND instr(email, '@') > 1 AND instr(substr(email, instr(email, '@') + 1), '@') = 0),
    -- Bytes; 0 is unlimited, -1 is the setting's.
    quota INTEGER NOT NULL DEFAULT -1 CHECK (quota >= -1),
    -- The highest UIDVALIDITY that any of his mailboxes had when it was deleted or lost its name.
    past_uidvalidity INTEGER NOT NULL DEFAULT 0,
    -- Plain text from the sqlite3 tool, until the server has hashed it: NULL within a second.
    pending_password TEXT
) STRICT;
CREATE INDEX user_domain ON user (domain_id);
CREATE INDEX user_pending ON user (id) WHERE pending_password IS NOT NULL;

-- RFC 5803 values.
CREATE TABLE credential (
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    scheme TEXT NOT NULL CHECK (scheme IN ('SCRAM-SHA-1', 'SCRAM-SHA-256')),
    verifier TEXT NOT NULL,
    PRIMARY KEY (user_id, scheme)
) STRICT, WITHOUT ROWID;

-- origin: user@domain, @domain, or a name of the server itself. destination: addresses separated by commas.
CREATE TABLE forwarding (
    origin TEXT NOT NULL PRIMARY KEY
        CHECK (length(origin) BETWEEN 1 AND 320 AND origin <> '@'
            AND origin NOT GLOB '*[ ,<>' || char(1) || '-' || char(31, 127) || ']*' AND instr(CAST(origin AS BLOB), x'00') = 0),
    destination TEXT NOT NULL CHECK (trim(destination, ' ,' || char(9, 10, 13)) <> '')
) STRICT, WITHOUT ROWID;

-- Bodies: where a message's bytes lie in bodies/, and what was computed from them once.

CREATE TABLE segment (
    id INTEGER NOT NULL PRIMARY KEY,
    -- Bytes of records that the index knows, headers included.
    live INTEGER NOT NULL DEFAULT 0 CHECK (live >= 0),
    -- When its last live record went to another segment (seconds since 1970); 0 while in use.
    retired INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Commit numbers of records that a start found behind everything that the index knew: dead bytes after a crash, mail to recover
-- after a restore. No compaction takes them.
CREATE TABLE unindexed (
    first INTEGER NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last >= first)
) STRICT, WITHOUT ROWID;

CREATE TABLE body (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id > 0),
    segment_id INTEGER NOT NULL REFERENCES segment (id),
    -- Of the record's header, from the segment's beginning.
    position INTEGER NOT NULL CHECK (position >= 0),
    -- Bytes of the record's header; the message follows.
    header INTEGER NOT NULL CHECK (header > 0),
    length INTEGER NOT NULL CHECK (length >= 0),
    envelope BLOB NOT NULL,
    structure BLOB NOT NULL
) STRICT;
CREATE INDEX body_segment ON body (segment_id, position);
CREATE TRIGGER body_delete AFTER DELETE ON body BEGIN
    UPDATE segment SET live = live - OLD.header - OLD.length WHERE id = OLD.segment_id;
END;

-- Mailboxes.

CREATE TABLE mailbox (
    -- Below 2^31: message.id holds it above the UID.
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 2147483647),
    user_id INTEGER NOT NULL REFERENCES user (id),
    name TEXT NOT NULL CHECK (name <> ''),
    special_use TEXT NOT NULL DEFAULT '',
    uidvalidity INTEGER NOT NULL UNIQUE CHECK (uidvalidity BETWEEN 1 AND 4294967295),
    uidnext INTEGER NOT NULL DEFAULT 1 CHECK (uidnext BETWEEN 1 AND 4294967295),
    highestmodseq INTEGER NOT NULL DEFAULT 1 CHECK (highestmodseq > 0),
    -- Messages from this UID on are recent (RFC 3501 §2.3.2).
    claimed INTEGER NOT NULL DEFAULT 1 CHECK (claimed BETWEEN 1 AND uidnext),
    -- Tombstones up to this modification sequence have been swept.
    swept INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0 CHECK (messages >= 0),
    unseen INTEGER NOT NULL DEFAULT 0 CHECK (unseen BETWEEN 0 AND messages),
    size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
    UNIQUE (user_id, name)
) STRICT;

-- By name: a subscription outlives its mailbox (RFC 3501 §6.3.9).
CREATE TABLE subscription (
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (name <> ''),
    PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;

-- A message in a mailbox. The key is mailbox and UID in one number, so that a mailbox lies together, UNIQUE (mailbox_id,
-- uid) needs no second tree, and a page of it is one range.
CREATE TABLE message (
    id INTEGER NOT NULL PRIMARY KEY,
    mailbox_id INTEGER NOT NULL AS (id >> 32) VIRTUAL REFERENCES mailbox (id),
    uid INTEGER NOT NULL AS (id & 4294967295) VIRTUAL CHECK (uid > 0),
    modseq INTEGER NOT NULL CHECK (modseq > 0),
    -- \Answered 1, \Flagged 2, \Deleted 4, \Seen 8, \Draft 16.
    flags INTEGER NOT NULL DEFAULT 0 CHECK (flags BETWEEN 0 AND 31),
    -- Separated by spaces.
    keywords TEXT NOT NULL DEFAULT '',
    -- Seconds since 1970, and minutes east of UTC.
    date INTEGER NOT NULL,
    zone INTEGER NOT NULL DEFAULT 0 CHECK (zone BETWEEN -1439 AND 1439),
    -- Of prefix + original - hidden range.
    size INTEGER NOT NULL CHECK (size >= 0),
    body_id INTEGER NOT NULL REFERENCES body (id),
    prefix BLOB NOT NULL,
    hidden_start INTEGER NOT NULL DEFAULT 0,
    hidden_end INTEGER NOT NULL DEFAULT 0 CHECK (hidden_end >= hidden_start AND hidden_start >= 0)
) STRICT;
CREATE INDEX message_modseq ON message (mailbox_id, modseq);
CREATE INDEX message_body ON message (body_id);
CREATE INDEX message_unseen ON message (id) WHERE flags & 8 = 0;
CREATE INDEX message_keywords ON message (mailbox_id, keywords) WHERE keywords <> '';

-- Tombstones, as ranges.
CREATE TABLE expunged (
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    modseq INTEGER NOT NULL,
    first INTEGER NOT NULL CHECK (first > 0),
    last INTEGER NOT NULL CHECK (last >= first),
    date INTEGER NOT NULL DEFAULT (unixepoch()),
    PRIMARY KEY (mailbox_id, modseq, first)
) STRICT, WITHOUT ROWID;

-- The way out.

CREATE TABLE outgoing (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    queue_id TEXT NOT NULL,
    created INTEGER NOT NULL,
    -- Empty: the null reverse-path.
    sender TEXT NOT NULL,
    body_id INTEGER NOT NULL REFERENCES body (id),
    -- Trace header fields that stand before the original.
    prefix BLOB NOT NULL,
    -- RFC 3461 RET ('', 'FULL', 'HDRS') and ENVID.
    ret TEXT NOT NULL DEFAULT '' CHECK (ret IN ('', 'FULL', 'HDRS')),
    envelope_id TEXT NOT NULL DEFAULT '',
    smtputf8 INTEGER NOT NULL DEFAULT 0 CHECK (smtputf8 IN (0, 1))
) STRICT;
CREATE INDEX outgoing_body ON outgoing (body_id);

CREATE TABLE outgoing_recipient (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    outgoing_id INTEGER NOT NULL REFERENCES outgoing (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    -- The address whose forwarding led here; empty when it was addressed itself.
    forwarded_for TEXT NOT NULL DEFAULT '',
    -- RFC 3461 NOTIFY: -1 not given, 0 NEVER, else SUCCESS 1 + FAILURE 2 + DELAY 4; ORCPT as type and address.
    notify INTEGER NOT NULL DEFAULT -1 CHECK (notify BETWEEN -1 AND 7),
    original_type TEXT NOT NULL DEFAULT '',
    original_address TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX outgoing_recipient_outgoing ON outgoing_recipient (outgoing_id);

-- Who, what, why. Read by scanning, since it is bounded and written with each message.
CREATE TABLE trace (
    id INTEGER NOT NULL PRIMARY KEY,
    time INTEGER NOT NULL,
    event TEXT NOT NULL,
    queue_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    -- Where it ended up, when that is another address.
    destination TEXT NOT NULL,
    -- Reply code, 0 when there was none.
    code INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

-- Deletion by hand, as foreign keys may be off.

CREATE TRIGGER message_delete AFTER DELETE ON message
WHEN NOT EXISTS (SELECT 1 FROM message WHERE body_id = OLD.body_id) AND NOT EXISTS (SELECT 1 FROM outgoing WHERE body_id = OLD.body_id) BEGIN
    DELETE FROM body WHERE id = OLD.body_id;
END;
CREATE TRIGGER outgoing_delete AFTER DELETE ON outgoing BEGIN
    DELETE FROM outgoing_recipient WHERE outgoing_id = OLD.id;
    DELETE FROM body WHERE id = OLD.body_id AND NOT EXISTS (SELECT 1 FROM message WHERE body_id = OLD.body_id)
        AND NOT EXISTS (SELECT 1 FROM outgoing WHERE body_id = OLD.body_id);
END;
CREATE TRIGGER mailbox_delete BEFORE DELETE ON mailbox BEGIN
    DELETE FROM message WHERE id >= OLD.id << 32 AND id < (OLD.id + 1) << 32;
    DELETE FROM expunged WHERE mailbox_id = OLD.id;
END;
CREATE TRIGGER user_delete BEFORE DELETE ON user BEGIN
    DELETE FROM mailbox WHERE user_id = OLD.id;
    DELETE FROM subscription WHERE user_id = OLD.id;
    DELETE FROM credential WHERE user_id = OLD.id;
END;
CREATE TRIGGER domain_delete BEFORE DELETE ON domain WHEN EXISTS (SELECT 1 FROM user WHERE domain_id = OLD.id) BEGIN
    SELECT RAISE(ABORT, 'this domain still has users');
END;

-- RFC 6154: what each user starts with.
CREATE TRIGGER user_insert AFTER INSERT ON user BEGIN
    UPDATE counter SET value = max(value + 6, unixepoch()) WHERE name = 'uidvalidity';
    INSERT INTO mailbox (user_id, name, special_use, uidvalidity)
        SELECT NEW.id, start.column1, start.column2, counter.value - start.column3
        FROM (VALUES ('INBOX', '', 5), ('Drafts', '\Drafts', 4), ('Sent', '\Sent', 3), ('Junk', '\Junk', 2), ('Trash', '\Trash', 1),
            ('Archive', '\Archive', 0)) AS start, counter
        WHERE counter.name = 'uidvalidity';
    INSERT INTO subscription (user_id, name) SELECT NEW.id, name FROM mailbox WHERE user_id = NEW.id;
END;

-- The classic stack's own tables.
--
-- A trigger's statements obey the outer statement's conflict clause: under REPLACE a second INSERT INTO user would delete
-- the user and give him a new identity. So the parents are tested first, and the clause is made to act on already_exists,
-- where it does no harm: INSERT fails there with UNIQUE, INSERT OR IGNORE leaves mark 0, REPLACE makes it 1.

CREATE TABLE already_exists (
    name TEXT NOT NULL PRIMARY KEY,
    mark INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW dominios (dominio) AS SELECT name FROM domain;

CREATE TRIGGER dominios_insert INSTEAD OF INSERT ON dominios BEGIN
    SELECT RAISE(ABORT, 'dominio: a domain name in ASCII, xn-- for international ones')
        WHERE NEW.dominio IS NULL OR trim(NEW.dominio) = '' OR lower(trim(NEW.dominio)) GLOB '*[^-a-z0-9._]*'
            OR trim(NEW.dominio) GLOB '.*' OR trim(NEW.dominio) GLOB '*.' OR length(trim(NEW.dominio)) > 253;
    DELETE FROM already_exists;
    INSERT INTO already_exists SELECT name, 0 FROM domain WHERE name = lower(trim(NEW.dominio));
    INSERT INTO already_exists SELECT name, 1 FROM domain WHERE name = lower(trim(NEW.dominio));
    INSERT INTO domain (name) SELECT lower(trim(NEW.dominio)) WHERE NOT EXISTS (SELECT 1 FROM already_exists);
    DELETE FROM already_exists;
END;
CREATE TRIGGER dominios_update INSTEAD OF UPDATE ON dominios
WHEN NEW.dominio IS NULL OR lower(trim(NEW.dominio)) <> OLD.dominio BEGIN
    SELECT RAISE(ABORT, 'dominio: a domain name in ASCII, xn-- for international ones')
        WHERE NEW.dominio IS NULL OR trim(NEW.dominio) = '' OR lower(trim(NEW.dominio)) GLOB '*[^-a-z0-9._]*'
            OR trim(NEW.dominio) GLOB '.*' OR trim(NEW.dominio) GLOB '*.' OR length(trim(NEW.dominio)) > 253;
    SELECT RAISE(ABORT, 'this domain exists already') WHERE EXISTS (SELECT 1 FROM domain WHERE name = lower(trim(NEW.dominio)));
    SELECT RAISE(ABORT, 'this domain still has users')
        WHERE EXISTS (SELECT 1 FROM user WHERE domain_id = (SELECT id FROM domain WHERE name = OLD.dominio));
    UPDATE domain SET name = lower(trim(NEW.dominio)) WHERE name = OLD.dominio;
END;
CREATE TRIGGER dominios_delete INSTEAD OF DELETE ON dominios BEGIN
    DELETE FROM domain WHERE name = OLD.dominio;
END;

CREATE VIEW usuarios (email, password) AS SELECT email, CAST(NULL AS TEXT) FROM user;

CREATE TRIGGER usuarios_insert INSTEAD OF INSERT ON usuarios BEGIN
    SELECT RAISE(ABORT, 'email: an address, user@domain')
        WHERE NEW.email IS NULL OR length(trim(NEW.email)) NOT BETWEEN 3 AND 320
            OR trim(NEW.email) GLOB '*[ ,<>' || char(1) || '-' || char(31, 127) || ']*'
            OR instr(trim(NEW.email), '@') < 2 OR instr(substr(trim(NEW.email), instr(trim(NEW.email), '@') + 1), '@') > 0;
    SELECT RAISE(ABORT, 'password: it may not be empty') WHERE NEW.password = '';
    SELECT RAISE(ABORT, 'email: its domain is not in dominios')
        WHERE NOT EXISTS (SELECT 1 FROM domain WHERE name = lower(substr(trim(NEW.email), instr(trim(NEW.email), '@') + 1)));
    DELETE FROM already_exists;
    INSERT INTO already_exists SELECT email, 0 FROM user WHERE email = lower(trim(NEW.email));
    INSERT INTO already_exists SELECT email, 1 FROM user WHERE email = lower(trim(NEW.email));
    UPDATE user SET pending_password = NEW.password
        WHERE email = lower(trim(NEW.email)) AND NEW.password IS NOT NULL AND EXISTS (SELECT 1 FROM already_exists WHERE mark = 1);
    INSERT INTO user (domain_id, email, pending_password)
        SELECT id, lower(trim(NEW.email)), NEW.password FROM domain
        WHERE name = lower(substr(trim(NEW.email), instr(trim(NEW.email), '@') + 1)) AND NOT EXISTS (SELECT 1 FROM already_exists);
    DELETE FROM already_exists;
END;
CREATE TRIGGER usuarios_update INSTEAD OF UPDATE ON usuarios BEGIN
    SELECT RAISE(ABORT, 'email: an address, user@domain')
        WHERE NEW.email IS NULL OR length(trim(NEW.email)) NOT BETWEEN 3 AND 320
            OR trim(NEW.email) GLOB '*[ ,<>' || char(1) || '-' || char(31, 127) || ']*'
            OR instr(trim(NEW.email), '@') < 2 OR instr(substr(trim(NEW.email), instr(trim(NEW.email), '@') + 1), '@') > 0;
    SELECT RAISE(ABORT, 'password: it may not be empty') WHERE NEW.password = '';
    SELECT RAISE(ABORT, 'email: its domain is not in dominios')
        WHERE NOT EXISTS (SELECT 1 FROM domain WHERE name = lower(substr(trim(NEW.email), instr(trim(NEW.email), '@') + 1)));
    SELECT RAISE(ABORT, 'this user exists already')
        WHERE lower(trim(NEW.email)) <> OLD.email AND EXISTS (SELECT 1 FROM user WHERE email = lower(trim(NEW.email)));
    UPDATE user SET pending_password = NEW.password WHERE email = OLD.email AND NEW.password IS NOT NULL;
    UPDATE user SET email = lower(trim(NEW.email)),
            domain_id = (SELECT id FROM domain WHERE name = lower(substr(trim(NEW.email), instr(trim(NEW.email), '@') + 1)))
        WHERE email = OLD.email AND lower(trim(NEW.email)) <> OLD.email;
END;
CREATE TRIGGER usuarios_delete INSTEAD OF DELETE ON usuarios BEGIN
    DELETE FROM user WHERE email = OLD.email;
END;

CREATE VIEW forwardings (origen, destino) AS SELECT origin, destination FROM forwarding;

CREATE TRIGGER forwardings_insert INSTEAD OF INSERT ON forwardings BEGIN
    SELECT RAISE(ABORT, 'origen: user@domain, @domain or a name of this server')
        WHERE NEW.origen IS NULL OR length(trim(NEW.origen)) NOT BETWEEN 1 AND 320 OR trim(NEW.origen) = '@'
            OR trim(NEW.origen) GLOB '*[ ,<>' || char(1) || '-' || char(31, 127) || ']*';
    SELECT RAISE(ABORT, 'destino: one or more addresses, separated by commas')
        WHERE NEW.destino IS NULL OR trim(NEW.destino, ' ,' || char(9, 10, 13)) = '';
    DELETE FROM already_exists;
    INSERT INTO already_exists SELECT origin, 0 FROM forwarding WHERE origin = lower(trim(NEW.origen));
    INSERT INTO already_exists SELECT origin, 1 FROM forwarding WHERE origin = lower(trim(NEW.origen));
    UPDATE forwarding SET destination = trim(NEW.destino)
        WHERE origin = lower(trim(NEW.origen)) AND EXISTS (SELECT 1 FROM already_exists WHERE mark = 1);
    INSERT INTO forwarding SELECT lower(trim(NEW.origen)), trim(NEW.destino) WHERE NOT EXISTS (SELECT 1 FROM already_exists);
    DELETE FROM already_exists;
END;
CREATE TRIGGER forwardings_update INSTEAD OF UPDATE ON forwardings BEGIN
    SELECT RAISE(ABORT, 'origen: user@domain, @domain or a name of this server')
        WHERE NEW.origen IS NULL OR length(trim(NEW.origen)) NOT BETWEEN 1 AND 320 OR trim(NEW.origen) = '@'
            OR trim(NEW.origen) GLOB '*[ ,<>' || char(1) || '-' || char(31, 127) || ']*';
    SELECT RAISE(ABORT, 'destino: one or more addresses, separated by commas')
        WHERE NEW.destino IS NULL OR trim(NEW.destino, ' ,' || char(9, 10, 13)) = '';
    SELECT RAISE(ABORT, 'this forwarding exists already')
        WHERE lower(trim(NEW.origen)) <> OLD.origen AND EXISTS (SELECT 1 FROM forwarding WHERE origin = lower(trim(NEW.origen)));
    UPDATE forwarding SET destination = trim(NEW.destino), origin = lower(trim(NEW.origen)) WHERE origin = OLD.origen;
END;
CREATE TRIGGER forwardings_delete INSTEAD OF DELETE ON forwardings BEGIN
    DELETE FROM forwarding WHERE origin = OLD.origen;
END;
