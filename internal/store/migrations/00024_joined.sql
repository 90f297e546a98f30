-- The credential that the invitation was made with which made somebody a member.
ALTER TABLE memberships ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
CREATE INDEX memberships_made ON memberships (made_with);
