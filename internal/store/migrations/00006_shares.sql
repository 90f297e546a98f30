-- Shares: the right to one path's newest version, for a time, on its maker's account.
CREATE TABLE shares (
	id               CTEXT PRIMARY KEY,
	handle           CTEXT NOT NULL UNIQUE, -- the id; of a link the SHA-256 of what opens it, which is not stored in the clear
	link_wrapped     BYTES NOT NULL,        -- what opens a link, sealed, so that its maker can be shown it again
	link_sealed      BYTES NOT NULL,
	org_id           CTEXT NOT NULL,
	vault_id         CTEXT NOT NULL,
	path             CTEXT NOT NULL,
	maker_type       CTEXT NOT NULL,
	maker_id         CTEXT NOT NULL,
	maker_human      CTEXT NOT NULL, -- the maker, or the human of the agent that is
	maker_scopes     TEXT NOT NULL,  -- cap of the API key that it was made with
	maker_ip         CTEXT NOT NULL,
	recipient_type   CTEXT NOT NULL,
	recipient_id     CTEXT NOT NULL,
	recipient_email  CTEXT NOT NULL,
	passphrase_hash  TEXT NOT NULL,
	ip_allowlist     TEXT NOT NULL,
	max_access_count BIGINT NOT NULL,
	access_count     BIGINT NOT NULL,
	failed_count     BIGINT NOT NULL, -- wrong passphrases, and those under way
	locked_until     BIGINT NOT NULL,
	notified_count   BIGINT NOT NULL, -- accesses that its maker was told of
	notified_at      BIGINT NOT NULL,
	created_at       BIGINT NOT NULL,
	expires_at       BIGINT NOT NULL,
	accepted_at      BIGINT,
	declined_at      BIGINT,
	revoked_at       BIGINT
);
CREATE INDEX shares_org ON shares (org_id, created_at);
CREATE INDEX shares_maker ON shares (maker_id, created_at);
CREATE INDEX shares_recipient ON shares (recipient_id);
CREATE INDEX shares_email ON shares (recipient_email);
CREATE INDEX shares_secret ON shares (vault_id, path);
CREATE INDEX shares_unnoticed ON shares (notified_at) WHERE access_count > notified_count;
