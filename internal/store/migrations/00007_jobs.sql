-- Generations of a vault's key-encryption key. Every version says which one wraps its data key; what
-- was there before has generation 0. The oldest is where the destruction of old keys goes on.
ALTER TABLE vaults ADD COLUMN kek_gen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE vaults ADD COLUMN kek_oldest BIGINT NOT NULL DEFAULT 0;
ALTER TABLE secret_versions ADD COLUMN kek_gen BIGINT NOT NULL DEFAULT 0;

-- Work on all versions of a vault, done in batches by one node at a time.
CREATE TABLE vault_jobs (
	id              CTEXT PRIMARY KEY,
	org_id          CTEXT NOT NULL,
	vault_id        CTEXT NOT NULL,
	kind            CTEXT NOT NULL,
	status          CTEXT NOT NULL,
	old_fingerprint CTEXT NOT NULL,
	new_fingerprint CTEXT NOT NULL,
	to_gen          BIGINT NOT NULL,
	wrapped         BYTES,           -- of the two client keys; NULL for other jobs, and once the job is over
	sealed          BYTES,
	switched        BIGINT NOT NULL, -- whether new versions are written under to_gen
	cursor_path     CTEXT NOT NULL,  -- the last version that was looked at
	cursor_version  BIGINT NOT NULL,
	total           BIGINT NOT NULL,
	processed       BIGINT NOT NULL,
	unopened        BIGINT NOT NULL, -- of those processed, how many opened with neither key
	damaged         BIGINT NOT NULL,
	error           TEXT NOT NULL,
	holder          CTEXT NOT NULL,  -- who works on it, until the lease ends
	lease_until     BIGINT NOT NULL,
	created_by      CTEXT NOT NULL,
	created_at      BIGINT NOT NULL,
	started_at      BIGINT,
	completed_at    BIGINT
);
CREATE INDEX vault_jobs_vault ON vault_jobs (vault_id);
CREATE INDEX vault_jobs_due ON vault_jobs (status, lease_until);
