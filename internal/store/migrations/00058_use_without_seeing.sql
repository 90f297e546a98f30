-- Agents that use secrets and are shown none.
ALTER TABLE agents ADD COLUMN no_reveal BIGINT NOT NULL DEFAULT 0;

-- Where a secret may be used: a JSON list (internal/binding). One row for each path that has any; a path may have
-- bindings before it has a secret.
CREATE TABLE secret_bindings (
	id         CTEXT PRIMARY KEY,
	org_id     CTEXT NOT NULL,
	vault_id   CTEXT NOT NULL,
	path       CTEXT NOT NULL,
	bindings   TEXT NOT NULL,
	set_by     CTEXT NOT NULL,
	set_at     BIGINT NOT NULL,
	made_with  CTEXT NOT NULL DEFAULT '',
	UNIQUE (vault_id, path)
);
CREATE INDEX secret_bindings_org ON secret_bindings (org_id);
CREATE INDEX secret_bindings_by ON secret_bindings (set_by);
CREATE INDEX secret_bindings_made ON secret_bindings (made_with);
