-- Tokens of agents that humans took: who, and with which credential, as made_with says it elsewhere.
CREATE TABLE agent_tokens (
	id         CTEXT PRIMARY KEY,
	org_id     CTEXT NOT NULL,
	agent_id   CTEXT NOT NULL,
	gen        BIGINT NOT NULL, -- of the agent's credentials
	user_id    CTEXT NOT NULL,
	made_with  CTEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
) CLUSTERED;
CREATE INDEX agent_tokens_made ON agent_tokens (made_with);
CREATE INDEX agent_tokens_user ON agent_tokens (user_id);
CREATE INDEX agent_tokens_org ON agent_tokens (org_id);
CREATE INDEX agent_tokens_end ON agent_tokens (expires_at);
