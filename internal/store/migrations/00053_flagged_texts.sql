-- What is kept of calls of models in which Shroud flagged something, where the operator has turned that on: sealed, until
-- keep_until. kinds is a JSON list of the threats.
CREATE TABLE flagged_texts (
	activity_id CTEXT PRIMARY KEY,
	org_id      CTEXT NOT NULL,
	agent_id    CTEXT NOT NULL,
	kinds       TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	keep_until  BIGINT NOT NULL,
	wrapped     BYTES NOT NULL,
	sealed      BYTES NOT NULL
);
CREATE INDEX flagged_texts_org ON flagged_texts (org_id);
CREATE INDEX flagged_texts_until ON flagged_texts (keep_until);
