-- Logins that a browser keeps with a cookie, whose hash is the key.
CREATE TABLE browsers (
	hash       CTEXT PRIMARY KEY,
	session_id CTEXT NOT NULL,
	user_id    CTEXT NOT NULL,
	org_id     CTEXT NOT NULL,
	term       CTEXT NOT NULL,
	token_id   CTEXT NOT NULL,
	token_gen  BIGINT NOT NULL,
	person_at  BIGINT, -- NULL: nobody proved to be there
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
) CLUSTERED;

CREATE INDEX browsers_user ON browsers (user_id);
CREATE INDEX browsers_session ON browsers (session_id);
CREATE INDEX browsers_expiry ON browsers (expires_at);
CREATE INDEX browsers_org ON browsers (org_id);
