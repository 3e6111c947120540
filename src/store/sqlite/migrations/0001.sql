-- One row. The generation names a state of everything that a cached look-up depends on; it is
-- random and not a count, so that a restored backup never comes to a number that was seen before.
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO meta (one, generation) VALUES (1, random());

-- One row: what administrators demand of new tokens.
CREATE TABLE setting (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    expiry_required INTEGER NOT NULL DEFAULT 0 CHECK (expiry_required IN (0, 1)),
    max_days INTEGER
) STRICT;
INSERT INTO setting (one) VALUES (1);

CREATE TABLE user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    admin INTEGER NOT NULL CHECK (admin IN (0, 1)),
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    password TEXT,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE grant_ (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    repository TEXT,
    permission TEXT NOT NULL
) STRICT;
-- NULLs are never equal in a UNIQUE index, and no repository has an empty name.
CREATE UNIQUE INDEX grant_once ON grant_ (user_id, project, ifnull(repository, ''), permission);

-- Rows are never deleted. A removed user's tokens lose the user, keep the name, and are revoked:
-- the last CHECK refuses to forget whose a live token is.
CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    name TEXT NOT NULL,
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('user', 'project', 'repository')),
    user_id INTEGER REFERENCES user (id) ON DELETE SET NULL,
    user_name TEXT CHECK ((user_name IS NOT NULL) = (owner_kind = 'user')),
    project TEXT CHECK ((project IS NULL) = (owner_kind = 'user')),
    repository TEXT CHECK ((repository IS NOT NULL) = (owner_kind = 'repository')),
    project_permission TEXT
        CHECK (project_permission IN ('PROJECT_READ', 'PROJECT_WRITE', 'PROJECT_ADMIN')),
    repository_permission TEXT NOT NULL
        CHECK (repository_permission IN ('REPO_READ', 'REPO_WRITE', 'REPO_ADMIN')),
    only_patterns TEXT NOT NULL CHECK (json_valid(only_patterns)),
    from_networks TEXT NOT NULL CHECK (json_valid(from_networks)),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    revoked_ms INTEGER,
    CHECK (user_id IS NULL OR owner_kind = 'user'),
    CHECK (user_id IS NOT NULL OR owner_kind <> 'user' OR revoked_ms IS NOT NULL)
) STRICT;
CREATE INDEX token_of_user ON token (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX token_of_project ON token (project COLLATE NOCASE, repository COLLATE NOCASE)
    WHERE project IS NOT NULL;
-- Counting live tokens reads this index and no rows; for that it holds both columns.
CREATE INDEX token_live ON token (expires_ms, revoked_ms) WHERE revoked_ms IS NULL;

-- Apart from the tokens, because it is written all the time and no verdict depends on it.
CREATE TABLE token_use (
    token_id INTEGER PRIMARY KEY REFERENCES token (id),
    at_ms INTEGER NOT NULL,
    from_address TEXT
) STRICT;
