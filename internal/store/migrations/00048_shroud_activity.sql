-- What became of each request to a language model. Scores are in thousandths, cost in billionths of a dollar; basis says
-- what the cost rests on (internal/shroud/activity).
CREATE TABLE shroud_activity (
	id               CTEXT PRIMARY KEY,
	org_id           CTEXT NOT NULL,
	agent_id         CTEXT NOT NULL,
	provider         CTEXT NOT NULL,
	model            TEXT NOT NULL,
	action           CTEXT NOT NULL,
	request_tokens   BIGINT NOT NULL,
	response_tokens  BIGINT NOT NULL,
	cache_read       BIGINT NOT NULL,
	cache_write      BIGINT NOT NULL,
	latency_ms       BIGINT NOT NULL,
	secrets_redacted BIGINT NOT NULL,
	pii_detected     BIGINT NOT NULL,
	content_filtered BIGINT NOT NULL,
	injection        BIGINT NOT NULL,
	answer_injection BIGINT NOT NULL,
	violations       TEXT NOT NULL,
	hosts            TEXT NOT NULL,
	cost             BIGINT NOT NULL,
	basis            CTEXT NOT NULL,
	cut              CTEXT NOT NULL,
	at               BIGINT NOT NULL
);
CREATE INDEX shroud_activity_org ON shroud_activity (org_id, at, id);
CREATE INDEX shroud_activity_agent ON shroud_activity (agent_id, at, id);
CREATE INDEX shroud_activity_at ON shroud_activity (at);

-- How often a detector found something in a request, and what that led to.
CREATE TABLE shroud_findings (
	activity_id CTEXT NOT NULL,
	detector    CTEXT NOT NULL,
	effect      CTEXT NOT NULL,
	org_id      CTEXT NOT NULL,
	agent_id    CTEXT NOT NULL,
	found       BIGINT NOT NULL,
	at          BIGINT NOT NULL,
	PRIMARY KEY (activity_id, detector, effect)
);
CREATE INDEX shroud_findings_org ON shroud_findings (org_id, at);
CREATE INDEX shroud_findings_at ON shroud_findings (at);
