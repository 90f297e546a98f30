-- Members, invitations and IP rules of organisations.

-- People who were asked to join and have not answered. Only the hash of what was mailed is kept.
CREATE TABLE invitations (
	id         CTEXT PRIMARY KEY,
	org_id     CTEXT NOT NULL,
	email      CTEXT NOT NULL,
	role       CTEXT NOT NULL,
	token_hash CTEXT NOT NULL UNIQUE,
	invited_by CTEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	UNIQUE (org_id, email)
);

CREATE TABLE ip_rules (
	id         CTEXT PRIMARY KEY,
	org_id     CTEXT NOT NULL,
	rule_type  CTEXT NOT NULL,
	cidr       CTEXT NOT NULL,
	label      TEXT NOT NULL,
	applies_to CTEXT NOT NULL,
	created_by CTEXT NOT NULL,
	created_at BIGINT NOT NULL,
	UNIQUE (org_id, rule_type, cidr, applies_to)
);

-- Who made the vault has left: created_by says who it was and gives no right any more.
ALTER TABLE vaults ADD COLUMN creator_left BIGINT NOT NULL DEFAULT 0;
