-- When a version was disabled: nothing opens it again. deleted_at is set with it, so that a program from before
-- this schema does not open it either.
ALTER TABLE secret_versions ADD COLUMN disabled_at BIGINT;
