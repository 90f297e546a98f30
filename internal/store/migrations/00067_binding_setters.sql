-- Who set each entry of a secret's bindings, and with which credential. A row of secret_bindings without any is of
-- before: its own set_by and made_with are those of all its entries.
CREATE TABLE binding_setters (
	id         CTEXT PRIMARY KEY,
	binding_id CTEXT NOT NULL,
	position   BIGINT NOT NULL,
	org_id     CTEXT NOT NULL,
	vault_id   CTEXT NOT NULL,
	path       CTEXT NOT NULL,
	set_by     CTEXT NOT NULL,
	set_at     BIGINT NOT NULL,
	made_with  CTEXT NOT NULL DEFAULT '',
	UNIQUE (binding_id, position)
);
CREATE INDEX binding_setters_path ON binding_setters (vault_id, path);
CREATE INDEX binding_setters_org ON binding_setters (org_id);
CREATE INDEX binding_setters_by ON binding_setters (set_by);
CREATE INDEX binding_setters_made ON binding_setters (made_with);
