-- Secrets whose refresh token of OAuth 2 a server replaces. A node holds a row while it shows the token that is stored:
-- two at once would end all that came of it. version is the newest that was stored by that, and root the one of a person
-- that it came of; zero: none.
CREATE TABLE refreshes (
	vault_id   CTEXT NOT NULL,
	path       CTEXT NOT NULL,
	org_id     CTEXT NOT NULL,
	version    BIGINT NOT NULL,
	root       BIGINT NOT NULL,
	holder     CTEXT NOT NULL,
	held_until BIGINT NOT NULL,
	PRIMARY KEY (vault_id, path)
);
CREATE INDEX refreshes_org ON refreshes (org_id);
