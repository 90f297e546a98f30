-- Accounts that were deleted.

-- SHA-256 of the ids of users and organisations that went a short while ago: what
-- was under way then must not bring back rows of theirs.
CREATE TABLE gone (
	hash    CTEXT PRIMARY KEY,
	gone_at BIGINT NOT NULL
) CLUSTERED;

-- Who wrote a version is forgotten with the account.
CREATE INDEX secret_versions_creator ON secret_versions (created_by);
