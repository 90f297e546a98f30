-- Keys that call language models for an agent, and do nothing else. gen is the generation of the agent's tokens when it
-- was made: the key is good for no other. user_id made it.
CREATE TABLE router_keys (
	id           CTEXT PRIMARY KEY,
	org_id       CTEXT NOT NULL,
	agent_id     CTEXT NOT NULL,
	gen          BIGINT NOT NULL,
	name         TEXT NOT NULL,
	key_hash     CTEXT NOT NULL UNIQUE,
	key_prefix   CTEXT NOT NULL,
	user_id      CTEXT NOT NULL,
	made_with    CTEXT NOT NULL DEFAULT '',
	created_at   BIGINT NOT NULL,
	expires_at   BIGINT,
	revoked_at   BIGINT,
	last_used_at BIGINT
);
CREATE INDEX router_keys_agent ON router_keys (agent_id);
CREATE INDEX router_keys_org ON router_keys (org_id);
CREATE INDEX router_keys_user ON router_keys (user_id);
CREATE INDEX router_keys_made ON router_keys (made_with);
