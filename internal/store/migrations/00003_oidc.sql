-- Accounts at identity providers, tokens of theirs that were spent, and agents
-- that are found by theirs.

-- Who somebody at an identity provider is here.
CREATE TABLE provider_accounts (
	issuer     CTEXT NOT NULL,
	subject    CTEXT NOT NULL,
	user_id    CTEXT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (issuer, subject)
) CLUSTERED;
CREATE INDEX provider_accounts_user ON provider_accounts (user_id);

-- Tokens that log in once, until they have ended by themselves.
CREATE TABLE spent_tokens (
	token_hash CTEXT PRIMARY KEY,
	expires_at BIGINT NOT NULL
) CLUSTERED;
CREATE INDEX spent_tokens_end ON spent_tokens (expires_at);

CREATE INDEX agents_oidc ON agents (oidc_issuer, oidc_client_id);
