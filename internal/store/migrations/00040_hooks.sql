-- How the latest call of the webhook for approvals went.
ALTER TABLE approval_webhooks ADD COLUMN last_status BIGINT NOT NULL DEFAULT 0;
ALTER TABLE approval_webhooks ADD COLUMN last_error CTEXT NOT NULL DEFAULT '';
ALTER TABLE approval_webhooks ADD COLUMN last_called_at BIGINT;
ALTER TABLE approval_webhooks ADD COLUMN last_delivered_at BIGINT;

-- Where an organisation is told of events of its log. The log itself is the queue: a
-- row says up to which event its receiver was told. The signing secret is sealed.
CREATE TABLE webhooks (
	id                CTEXT PRIMARY KEY,
	org_id            CTEXT NOT NULL,
	url               TEXT NOT NULL,
	events            TEXT NOT NULL, -- words, with blanks between them
	description       TEXT NOT NULL,
	is_active         BIGINT NOT NULL,
	wrapped           BYTES NOT NULL,
	sealed            BYTES NOT NULL,
	created_by        CTEXT NOT NULL,
	made_with         CTEXT NOT NULL DEFAULT '',
	created_at        BIGINT NOT NULL,
	updated_at        BIGINT NOT NULL,
	revision          BIGINT NOT NULL, -- moves with each edit
	told_seq          BIGINT NOT NULL, -- the event up to which it was told
	skipped           BIGINT NOT NULL, -- events left out since the last delivery
	next_at           BIGINT,          -- when it is looked at; until when a node has it; NULL: not
	attempts          BIGINT NOT NULL, -- that failed in a row
	failing_since     BIGINT,
	paused_at         BIGINT,
	last_status       BIGINT NOT NULL,
	last_error        CTEXT NOT NULL,
	last_called_at    BIGINT,
	last_delivered_at BIGINT
);
CREATE INDEX webhooks_org ON webhooks (org_id, created_at);
CREATE INDEX webhooks_next ON webhooks (next_at);
CREATE INDEX webhooks_by ON webhooks (created_by);
