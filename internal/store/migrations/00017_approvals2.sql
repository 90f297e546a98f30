-- What an approval rests on: the policy as it was, the credentials of who asked
-- and who decided. Where one of them has moved, the approval is worth nothing.

-- Moves with each edit of the policy.
ALTER TABLE policies ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;

ALTER TABLE approvals ADD COLUMN policy_revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE approvals ADD COLUMN requester_gen BIGINT NOT NULL DEFAULT 0; -- token_gen of who asked, when it asked
ALTER TABLE approvals ADD COLUMN decider_gen BIGINT NOT NULL DEFAULT 0;   -- and of who decided
ALTER TABLE approvals ADD COLUMN withdrawn_by CTEXT NOT NULL DEFAULT '';
ALTER TABLE approvals ADD COLUMN withdrawn_at BIGINT;

-- Mails have a queue of their own: notify_at is the webhook's.
ALTER TABLE approvals ADD COLUMN mail_at BIGINT;   -- when its mail is due; NULL once it is out
ALTER TABLE approvals ADD COLUMN mailed_at BIGINT; -- with which mails of the organisation it went out
CREATE INDEX approvals_mail ON approvals (mail_at);
CREATE INDEX approvals_mailed ON approvals (org_id, mailed_at);
UPDATE approvals SET mail_at = notify_at WHERE notify_attempts = 0 AND notify_at IS NOT NULL;
