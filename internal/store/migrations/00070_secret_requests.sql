-- What agents lack and asked people for. reason is in the agent's words; service and host are its suggestion of where the
-- secret would be used. agent_gen is the agent's token_gen then: with another key it asks again.
CREATE TABLE secret_requests (
	id          CTEXT PRIMARY KEY,
	org_id      CTEXT NOT NULL,
	vault_id    CTEXT NOT NULL,
	path        CTEXT NOT NULL,
	agent_id    CTEXT NOT NULL,
	agent_gen   BIGINT NOT NULL,
	asked_with  CTEXT NOT NULL DEFAULT '',
	reason      CTEXT NOT NULL,
	service     CTEXT NOT NULL,
	host        CTEXT NOT NULL,
	status      CTEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL,
	decided_by  CTEXT NOT NULL DEFAULT '',
	decided_at  BIGINT,
	answer      CTEXT NOT NULL DEFAULT '', -- why it was declined, in a person's words
	version     BIGINT NOT NULL DEFAULT 0, -- of the secret that it was filled with
	mail_at     BIGINT,                    -- when its mail is due; NULL once it is out
	mailed_at   BIGINT                     -- with which mails of the organisation it went out
);
CREATE INDEX secret_requests_agent ON secret_requests (agent_id, created_at);
CREATE INDEX secret_requests_org ON secret_requests (org_id, created_at);
CREATE INDEX secret_requests_vault ON secret_requests (vault_id);
CREATE INDEX secret_requests_by ON secret_requests (decided_by);
CREATE INDEX secret_requests_asked ON secret_requests (asked_with);
CREATE INDEX secret_requests_mail ON secret_requests (mail_at);
CREATE INDEX secret_requests_mailed ON secret_requests (org_id, mailed_at);
