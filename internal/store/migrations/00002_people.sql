-- Second factors, guesses, and what mailed tokens need.

ALTER TABLE users ADD COLUMN totp BIGINT NOT NULL DEFAULT 0; -- 1: a login needs a second factor

-- The key of a user's authenticator. The key is sealed.
CREATE TABLE user_totp (
	user_id    CTEXT PRIMARY KEY,
	wrapped    BYTES NOT NULL,
	sealed     BYTES NOT NULL,
	enabled    BIGINT NOT NULL, -- 0: set up, but no code was shown yet
	last_step  BIGINT NOT NULL, -- the time step of the last code that was accepted
	created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
	code_hash CTEXT PRIMARY KEY,
	user_id   CTEXT NOT NULL
);
CREATE INDEX recovery_codes_user ON recovery_codes (user_id);

-- Logins that wait for their second factor.
CREATE TABLE mfa_challenges (
	token_hash CTEXT PRIMARY KEY,
	user_id    CTEXT NOT NULL,
	org_id     CTEXT NOT NULL,
	token_gen  BIGINT NOT NULL, -- of the user when the challenge was made
	attempts   BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX mfa_challenges_end ON mfa_challenges (expires_at);
CREATE INDEX mfa_challenges_user ON mfa_challenges (user_id);

-- Guesses of passwords and codes that were wrong, or are not known to be right
-- yet. The id is a hash of what was guessed at and from where.
CREATE TABLE guesses (
	id            CTEXT PRIMARY KEY,
	failures      BIGINT NOT NULL,
	blocked_until BIGINT NOT NULL,
	trusted_until BIGINT NOT NULL, -- until then the account's own count does not bar this network
	seen_at       BIGINT NOT NULL
) CLUSTERED;
CREATE INDEX guesses_seen ON guesses (seen_at);

CREATE INDEX mail_tokens_user ON mail_tokens (user_id);
CREATE INDEX mail_tokens_end ON mail_tokens (expires_at);
