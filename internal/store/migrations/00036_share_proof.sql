-- The SHA-256 of what is mailed with a share to a mail address, and opens it without an account.
ALTER TABLE shares ADD COLUMN proof_hash CTEXT NOT NULL DEFAULT '';
