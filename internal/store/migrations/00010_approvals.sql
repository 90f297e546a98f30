-- What agents and users asked a human to approve. A row allows nothing by itself:
-- a live policy must still cover the use.
CREATE TABLE approvals (
	id              CTEXT PRIMARY KEY,
	org_id          CTEXT NOT NULL,
	vault_id        CTEXT NOT NULL,
	path            CTEXT NOT NULL,
	operation       CTEXT NOT NULL, -- read, write or delete
	requester_kind  CTEXT NOT NULL,
	requester_id    CTEXT NOT NULL,
	requester_human CTEXT NOT NULL, -- who made the agent; the requester itself when it is a user
	policy_id       CTEXT NOT NULL,
	reason          TEXT NOT NULL,
	status          CTEXT NOT NULL, -- pending, approved or denied
	valid_seconds   BIGINT NOT NULL,
	max_uses        BIGINT NOT NULL,
	uses_left       BIGINT NOT NULL, -- 0 until it is approved
	created_at      BIGINT NOT NULL,
	expires_at      BIGINT NOT NULL, -- until when it can be decided; once approved, used
	decided_by      CTEXT NOT NULL,
	decided_at      BIGINT,
	decision_reason TEXT NOT NULL,
	notify_at       BIGINT,          -- when its notice is due; NULL once it is out
	notify_attempts BIGINT NOT NULL
);
CREATE INDEX approvals_org ON approvals (org_id, created_at);
CREATE INDEX approvals_use ON approvals (requester_id, vault_id, path);
CREATE INDEX approvals_notify ON approvals (notify_at);

-- Where an organisation is told of new requests. The signing secret is sealed.
CREATE TABLE approval_webhooks (
	org_id     CTEXT PRIMARY KEY,
	id         CTEXT NOT NULL,
	url        TEXT NOT NULL,
	wrapped    BYTES NOT NULL,
	sealed     BYTES NOT NULL,
	created_by CTEXT NOT NULL,
	created_at BIGINT NOT NULL
);
