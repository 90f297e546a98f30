-- What somebody let do more who had not made it: a policy, an agent, a member's role. It ends with the
-- credential as if it were made with it.
CREATE TABLE widenings (
	subject_id CTEXT NOT NULL, -- of the policy, agent or user
	kind       CTEXT NOT NULL, -- policy, agent or member
	org_id     CTEXT NOT NULL,
	made_with  CTEXT NOT NULL, -- as elsewhere
	by_id      CTEXT NOT NULL, -- the user or agent
	held       BIGINT NOT NULL, -- 1: it lifted what only an owner or admin lifts
	created_at BIGINT NOT NULL,
	PRIMARY KEY (subject_id, made_with, by_id)
) CLUSTERED;
CREATE INDEX widenings_made ON widenings (made_with);
CREATE INDEX widenings_by ON widenings (by_id);
CREATE INDEX widenings_org ON widenings (org_id);

-- The login that an approval was given in, as made_with says it elsewhere.
ALTER TABLE approvals ADD COLUMN decided_with CTEXT NOT NULL DEFAULT '';
CREATE INDEX approvals_with ON approvals (decided_with);
