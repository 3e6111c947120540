CREATE TABLE group_ (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE group_member (
    group_id INTEGER NOT NULL REFERENCES group_ (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_of_user ON group_member (user_id);

-- Rights are of users or of groups. SQLite cannot take a NOT NULL away, so the table is made anew.
CREATE TABLE grant_new (
    id INTEGER PRIMARY KEY,
    user_id INTEGER REFERENCES user (id) ON DELETE CASCADE,
    group_id INTEGER REFERENCES group_ (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    repository TEXT,
    permission TEXT NOT NULL,
    CHECK ((user_id IS NULL) <> (group_id IS NULL))
) STRICT;
INSERT INTO grant_new (id, user_id, project, repository, permission)
    SELECT id, user_id, project, repository, permission FROM grant_;
DROP TABLE grant_;
ALTER TABLE grant_new RENAME TO grant_;
CREATE UNIQUE INDEX grant_once
    ON grant_ (user_id, project, ifnull(repository, ''), permission) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX grant_of_group_once
    ON grant_ (group_id, project, ifnull(repository, ''), permission) WHERE group_id IS NOT NULL;

-- Suspended: refused until somebody resumes it. Retired: another token took its place, and it ends then.
ALTER TABLE token ADD COLUMN suspended_ms INTEGER;
ALTER TABLE token ADD COLUMN retires_ms INTEGER;
ALTER TABLE token ADD COLUMN successor_id INTEGER REFERENCES token (id);
ALTER TABLE token ADD COLUMN ref_patterns TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(ref_patterns));
ALTER TABLE token ADD COLUMN no_delete INTEGER NOT NULL DEFAULT 0 CHECK (no_delete IN (0, 1));
ALTER TABLE token ADD COLUMN no_force INTEGER NOT NULL DEFAULT 0 CHECK (no_force IN (0, 1));
ALTER TABLE token ADD COLUMN no_tags INTEGER NOT NULL DEFAULT 0 CHECK (no_tags IN (0, 1));
CREATE INDEX token_retiring ON token (retires_ms) WHERE revoked_ms IS NULL AND retires_ms IS NOT NULL;

-- Where tokens were used from, to tell of the first use from each place.
CREATE TABLE token_place (
    token_id INTEGER NOT NULL REFERENCES token (id),
    place TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    PRIMARY KEY (token_id, place)
) STRICT, WITHOUT ROWID;
-- What was used before there was a trail is not new. Of IPv6 only whole networks are kept, which are
-- met anew.
INSERT INTO token_place (token_id, place, first_ms)
    SELECT token_id, ifnull(from_address, ''), at_ms FROM token_use;

-- NULL is every permission.
ALTER TABLE setting ADD COLUMN max_tokens INTEGER;
ALTER TABLE setting ADD COLUMN user_permissions TEXT;
ALTER TABLE setting ADD COLUMN project_permissions TEXT;
ALTER TABLE setting ADD COLUMN repository_permissions TEXT;
CREATE TABLE project_setting (
    project TEXT PRIMARY KEY COLLATE NOCASE,
    repository_tokens INTEGER NOT NULL CHECK (repository_tokens IN (0, 1))
) STRICT, WITHOUT ROWID;

-- Credentials for the host, sealed: nonce, ciphertext and tag under the key with this id.
CREATE TABLE identity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('user', 'project', 'repository')),
    user_id INTEGER REFERENCES user (id) ON DELETE CASCADE
        CHECK ((user_id IS NOT NULL) = (owner_kind = 'user')),
    user_name TEXT CHECK ((user_name IS NOT NULL) = (owner_kind = 'user')),
    project TEXT CHECK ((project IS NULL) = (owner_kind = 'user')),
    repository TEXT CHECK ((repository IS NOT NULL) = (owner_kind = 'repository')),
    scheme TEXT NOT NULL CHECK (scheme IN ('basic', 'bearer')),
    username TEXT NOT NULL,
    key_id BLOB NOT NULL CHECK (length(key_id) = 8),
    sealed BLOB NOT NULL,
    set_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX identity_of_user ON identity (user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX identity_of_place ON identity (project, ifnull(repository, ''))
    WHERE project IS NOT NULL;
CREATE INDEX identity_of_place_in_any_case ON identity (project COLLATE NOCASE)
    WHERE project IS NOT NULL;

-- What was changed by whom. Each hash covers its entry and the hash before it.
CREATE TABLE trail (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    from_address TEXT,
    token_id INTEGER,
    user_name TEXT COLLATE NOCASE,
    project TEXT,
    repository TEXT,
    details TEXT NOT NULL CHECK (json_valid(details)),
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX trail_of_token ON trail (token_id) WHERE token_id IS NOT NULL;
CREATE TRIGGER trail_is_never_changed BEFORE UPDATE ON trail
    BEGIN SELECT raise(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER trail_is_never_cut BEFORE DELETE ON trail
    BEGIN SELECT raise(ABORT, 'the trail is append-only'); END;
