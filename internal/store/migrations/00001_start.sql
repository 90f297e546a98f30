-- One text for SQLite and PostgreSQL. The migrator replaces three words that differ:
-- BYTES is BLOB or BYTEA, CTEXT is TEXT compared byte by byte on both, and
-- CLUSTERED keeps a table in the order of its primary key where the engine can.
-- Times are microseconds since 1970 UTC; ids are UUIDs as text; lists and maps are JSON text.

CREATE TABLE meta (
	name  CTEXT PRIMARY KEY,
	value BIGINT NOT NULL
) CLUSTERED;
INSERT INTO meta (name, value) VALUES ('epoch', 1);

CREATE TABLE orgs (
	id         CTEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	created_at BIGINT NOT NULL
);

CREATE TABLE users (
	id               CTEXT PRIMARY KEY,
	email            CTEXT NOT NULL UNIQUE,
	display_name     TEXT NOT NULL,
	password_hash    TEXT NOT NULL,
	auth_method      CTEXT NOT NULL,
	email_verified   BIGINT NOT NULL,
	marketing_emails BIGINT NOT NULL,
	platform_admin   BIGINT NOT NULL,
	home_org         CTEXT NOT NULL,
	token_gen        BIGINT NOT NULL, -- tokens of other generations are dead ...
	token_kept       CTEXT NOT NULL,  -- ... but the one with this id
	created_at       BIGINT NOT NULL
);

CREATE TABLE memberships (
	org_id     CTEXT NOT NULL,
	user_id    CTEXT NOT NULL,
	role       CTEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id)
) CLUSTERED;
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE mail_tokens (
	token_hash CTEXT PRIMARY KEY,
	user_id    CTEXT NOT NULL,
	purpose    CTEXT NOT NULL,
	expires_at BIGINT NOT NULL
);

CREATE TABLE user_keys (
	id           CTEXT PRIMARY KEY,
	org_id       CTEXT NOT NULL,
	user_id      CTEXT NOT NULL,
	name         TEXT NOT NULL,
	key_hash     CTEXT NOT NULL UNIQUE,
	key_prefix   CTEXT NOT NULL,
	scopes       TEXT NOT NULL,
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT,
	revoked_at   BIGINT,
	last_used_at BIGINT
);
CREATE INDEX user_keys_user ON user_keys (user_id);

CREATE TABLE agents (
	id                      CTEXT PRIMARY KEY,
	org_id                  CTEXT NOT NULL,
	name                    TEXT NOT NULL,
	description             TEXT NOT NULL,
	auth_method             CTEXT NOT NULL,
	key_hash                CTEXT UNIQUE,
	key_prefix              CTEXT NOT NULL,
	scopes                  TEXT NOT NULL,
	vault_ids               TEXT NOT NULL,
	is_active               BIGINT NOT NULL,
	intents_api_enabled     BIGINT NOT NULL,
	tx_to_allowlist         TEXT NOT NULL,
	tx_max_value_eth        TEXT,
	tx_daily_limit_eth      TEXT,
	tx_allowed_chains       TEXT NOT NULL,
	token_ttl_seconds       BIGINT,
	client_cert_fingerprint TEXT,
	oidc_issuer             TEXT,
	oidc_client_id          TEXT,
	ssh_public_key          TEXT NOT NULL,
	ecdh_public_key         TEXT NOT NULL,
	shroud_enabled          BIGINT NOT NULL,
	shroud_config           TEXT,
	created_by              CTEXT NOT NULL,
	created_at              BIGINT NOT NULL,
	expires_at              BIGINT,
	last_active_at          BIGINT,
	token_gen               BIGINT NOT NULL
);
CREATE INDEX agents_org ON agents (org_id, created_at);

CREATE TABLE revoked_tokens (
	id         CTEXT PRIMARY KEY,
	expires_at BIGINT NOT NULL
) CLUSTERED;
CREATE INDEX revoked_tokens_end ON revoked_tokens (expires_at);

CREATE TABLE vaults (
	id               CTEXT PRIMARY KEY,
	org_id           CTEXT NOT NULL,
	name             CTEXT NOT NULL,
	description      TEXT NOT NULL,
	created_by       CTEXT NOT NULL,
	created_by_type  CTEXT NOT NULL,
	creator_human    CTEXT NOT NULL,
	cmek_fingerprint TEXT,
	created_at       BIGINT NOT NULL,
	UNIQUE (org_id, name)
);

CREATE TABLE policies (
	id                  CTEXT PRIMARY KEY,
	vault_id            CTEXT NOT NULL,
	secret_path_pattern CTEXT NOT NULL,
	principal_type      CTEXT NOT NULL,
	principal_id        CTEXT NOT NULL,
	permissions         TEXT NOT NULL,
	conditions          TEXT NOT NULL,
	expires_at          BIGINT,
	created_by          CTEXT NOT NULL,
	created_by_type     CTEXT NOT NULL,
	created_at          BIGINT NOT NULL
);
CREATE INDEX policies_vault ON policies (vault_id);
CREATE INDEX policies_principal ON policies (principal_id);

-- The newest version of every path, live or deleted: what listings read.
CREATE TABLE secrets (
	vault_id   CTEXT NOT NULL,
	path       CTEXT NOT NULL,
	version    BIGINT NOT NULL,
	version_id CTEXT NOT NULL,
	type       CTEXT NOT NULL,
	metadata   TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT,
	deleted_at BIGINT,
	PRIMARY KEY (vault_id, path)
) CLUSTERED;

-- Every version that was ever written and not purged.
CREATE TABLE secret_versions (
	vault_id         CTEXT NOT NULL,
	path             CTEXT NOT NULL,
	version          BIGINT NOT NULL,
	id               CTEXT NOT NULL UNIQUE,
	type             CTEXT NOT NULL,
	metadata         TEXT NOT NULL,
	rotation_policy  TEXT NOT NULL,
	wrapped_dek      BYTES NOT NULL,
	ciphertext       BYTES NOT NULL,
	cmek_encrypted   BIGINT NOT NULL,
	created_by       CTEXT NOT NULL,
	created_at       BIGINT NOT NULL,
	expires_at       BIGINT,
	deleted_at       BIGINT,
	max_access_count BIGINT NOT NULL,
	access_count     BIGINT NOT NULL,
	PRIMARY KEY (vault_id, path, version)
);

-- Keys whose vault was deleted and that are not yet destroyed in the keystore.
CREATE TABLE doomed_keys (
	id         CTEXT PRIMARY KEY,
	created_at BIGINT NOT NULL
);

CREATE TABLE audit_heads (
	org_id  CTEXT PRIMARY KEY,
	seq     BIGINT NOT NULL,
	last_id CTEXT NOT NULL,
	hash    BYTES NOT NULL
) CLUSTERED;

CREATE TABLE audit_events (
	org_id        CTEXT NOT NULL,
	seq           BIGINT NOT NULL,
	id            CTEXT NOT NULL,
	at            BIGINT NOT NULL,
	action        CTEXT NOT NULL,
	actor_kind    CTEXT NOT NULL,
	actor_id      CTEXT NOT NULL,
	resource_type CTEXT NOT NULL,
	resource_id   CTEXT NOT NULL,
	ip            CTEXT NOT NULL,
	details       TEXT NOT NULL,
	hash          BYTES NOT NULL,
	PRIMARY KEY (org_id, seq)
) CLUSTERED;

-- Agents ask for their own events only: they must not read all others' for it.
CREATE INDEX audit_events_actor ON audit_events (org_id, actor_id, seq);

CREATE TABLE audit_checkpoints (
	org_id    CTEXT NOT NULL,
	seq       BIGINT NOT NULL,
	hash      BYTES NOT NULL,
	at        BIGINT NOT NULL,
	key_id    CTEXT NOT NULL,
	signature BYTES NOT NULL,
	PRIMARY KEY (org_id, seq)
) CLUSTERED;

-- Mails to be sent. The message is sealed: it holds a token.
CREATE TABLE mail_queue (
	id         CTEXT PRIMARY KEY,
	wrapped    BYTES NOT NULL,
	sealed     BYTES NOT NULL,
	attempts   BIGINT NOT NULL,
	next_at    BIGINT NOT NULL, -- also the end of the lease of who claimed it
	created_at BIGINT NOT NULL,
	give_up_at BIGINT NOT NULL
);
CREATE INDEX mail_queue_due ON mail_queue (next_at);
