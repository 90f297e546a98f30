-- Public keys of authenticators that people sign in with. One that was removed keeps its row for as long as a login that it
-- began has one, so that what was made with those is found.
CREATE TABLE passkeys (
	id            CTEXT PRIMARY KEY,
	user_id       CTEXT NOT NULL,
	credential_id CTEXT NOT NULL, -- the authenticator's name for it, in base64url
	public_key    BYTES NOT NULL, -- COSE
	sign_count    BIGINT NOT NULL,
	transports    CTEXT NOT NULL,
	aaguid        CTEXT NOT NULL, -- the make of the authenticator, as it says
	backable      BIGINT NOT NULL, -- it may be on several devices
	backed_up     BIGINT NOT NULL,
	name          CTEXT NOT NULL,
	made_with     CTEXT NOT NULL DEFAULT '',
	created_at    BIGINT NOT NULL,
	used_at       BIGINT,
	removed_at    BIGINT
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id) WHERE removed_at IS NULL;
CREATE INDEX passkeys_user ON passkeys (user_id);
CREATE INDEX passkeys_made ON passkeys (made_with);
CREATE INDEX passkeys_removed ON passkeys (removed_at);

-- What authenticators have to sign, once each. user_id and made_with are of who adds a passkey; empty: somebody signs in.
CREATE TABLE passkey_challenges (
	hash       CTEXT PRIMARY KEY, -- of the token that the answer comes with
	challenge  CTEXT NOT NULL,
	user_id    CTEXT NOT NULL,
	made_with  CTEXT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_user ON passkey_challenges (user_id);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
