-- The credential that asked for an approval, as made_with says it elsewhere: the request, and what is left
-- of the approval, end with it.
ALTER TABLE approvals ADD COLUMN asked_with CTEXT NOT NULL DEFAULT '';
CREATE INDEX approvals_asked ON approvals (asked_with);
