-- Whose rights have changed, and when.

-- Numbers of the server's changes (meta, 'epoch'): of the organisation's latest
-- change, of the latest that may have ended a right, and of the latest that revoked
-- a token. Every transaction of an organisation locks this row and so reads them.
ALTER TABLE audit_heads ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN revoked BIGINT NOT NULL DEFAULT 0;
CREATE INDEX audit_heads_epoch ON audit_heads (epoch);

-- The number of the change that revoked the token: a node asks for what came since.
ALTER TABLE revoked_tokens ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
CREATE INDEX revoked_tokens_epoch ON revoked_tokens (epoch);

-- How many changes said whose they were. Programs that know of one epoch for all
-- organisations move that alone.
INSERT INTO meta (name, value) SELECT 'epoch_orgs', value FROM meta WHERE name = 'epoch';
