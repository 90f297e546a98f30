-- Logins that can be listed and ended.

CREATE TABLE sessions (
	id         CTEXT PRIMARY KEY,
	user_id    CTEXT NOT NULL,
	org_id     CTEXT NOT NULL, -- that it began in; empty when that is gone
	kind       TEXT NOT NULL,
	client     TEXT NOT NULL,
	address    TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	seen_at    BIGINT,
	ended_at   BIGINT -- NULL: nobody ended it
) CLUSTERED;

CREATE INDEX sessions_user ON sessions (user_id, expires_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_org ON sessions (org_id);

-- How a login began that waits for its second factor.
ALTER TABLE mfa_challenges ADD COLUMN kind TEXT NOT NULL DEFAULT '';
