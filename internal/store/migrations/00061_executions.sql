-- What an agent may execute: JSON (internal/execution, Settings).
ALTER TABLE agents ADD COLUMN execution TEXT NOT NULL DEFAULT '{}';

-- Services that agents work with, by credentials that they never see. The credential is a secret of vault_id at path:
-- of the vault __agent-bindings where source is inline. set_by vouches for the row; the scopes and the address are of the
-- request in which that was.
CREATE TABLE agent_bindings (
	id           CTEXT PRIMARY KEY,
	org_id       CTEXT NOT NULL,
	agent_id     CTEXT NOT NULL,
	name         CTEXT NOT NULL,
	binding_type CTEXT NOT NULL,
	config       TEXT NOT NULL,
	guardrails   TEXT NOT NULL,
	is_active    BIGINT NOT NULL,
	source       CTEXT NOT NULL,
	vault_id     CTEXT NOT NULL,
	path         CTEXT NOT NULL,
	revision     BIGINT NOT NULL,
	set_by       CTEXT NOT NULL,
	set_scopes   TEXT NOT NULL,
	set_ip       CTEXT NOT NULL,
	set_at       BIGINT NOT NULL,
	in_person    BIGINT NOT NULL,
	made_with    CTEXT NOT NULL DEFAULT '',
	created_at   BIGINT NOT NULL,
	updated_at   BIGINT NOT NULL,
	UNIQUE (agent_id, name)
);
CREATE INDEX agent_bindings_org ON agent_bindings (org_id);
CREATE INDEX agent_bindings_by ON agent_bindings (set_by);
CREATE INDEX agent_bindings_made ON agent_bindings (made_with);

-- What became of each execution: no query, no body, no value.
CREATE TABLE executions (
	id            CTEXT PRIMARY KEY,
	org_id        CTEXT NOT NULL,
	agent_id      CTEXT NOT NULL,
	binding_id    CTEXT NOT NULL,
	intent_type   CTEXT NOT NULL,
	status        CTEXT NOT NULL,
	host          CTEXT NOT NULL,
	method        CTEXT NOT NULL,
	path_template CTEXT NOT NULL,
	answered      BIGINT NOT NULL,
	bytes         BIGINT NOT NULL,
	redactions    BIGINT NOT NULL,
	error         CTEXT NOT NULL,
	duration_ms   BIGINT NOT NULL,
	created_at    BIGINT NOT NULL
);
CREATE INDEX executions_agent ON executions (agent_id, created_at);
CREATE INDEX executions_org ON executions (org_id);
CREATE INDEX executions_created ON executions (created_at);
