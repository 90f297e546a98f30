-- The credential that gave an agent its present key after the first, as made_with says it. The
-- agent's own renewals leave it: they come from the key that was given.
ALTER TABLE agents ADD COLUMN key_with CTEXT NOT NULL DEFAULT '';
CREATE INDEX agents_key_with ON agents (key_with);
