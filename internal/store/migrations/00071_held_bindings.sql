-- held: an owner or admin switched it off, and only one of those switches it on.
ALTER TABLE agent_bindings ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
