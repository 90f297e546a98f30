-- What was made with which credential, who may lift what of an agent, and vaults of the server's own.

-- Who gave the agent its present key after the first: user or agent, and when.
ALTER TABLE agents ADD COLUMN key_by CTEXT NOT NULL DEFAULT '';
CREATE INDEX agents_key_by ON agents (key_by);
ALTER TABLE agents ADD COLUMN key_at BIGINT;
-- The fields that an owner or admin restricted: only those lift that.
ALTER TABLE agents ADD COLUMN held TEXT NOT NULL DEFAULT '[]';

-- The credential that something was made with: key:ID of an API key, session:ID of a login,
-- agent:ID/GENERATION. Empty: not known.
ALTER TABLE agents ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE user_keys ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE shares ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE policies ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE vaults ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE invitations ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE ip_rules ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE approval_webhooks ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
CREATE INDEX agents_made ON agents (made_with);
CREATE INDEX user_keys_made ON user_keys (made_with);
CREATE INDEX shares_made ON shares (made_with);
CREATE INDEX policies_made ON policies (made_with);

-- Agents that are inactive get another key before they work again.
UPDATE agents SET key_hash = NULL, key_prefix = '', token_gen = token_gen + 1 WHERE is_active = 0;

-- Vaults of the server's own are the organisation's, and nobody was to grant or share what is in them.
UPDATE vaults SET created_by = org_id, created_by_type = 'user', creator_human = '', creator_left = 1
	WHERE substr(name, 1, 2) = '__';
DELETE FROM policies WHERE vault_id IN (SELECT id FROM vaults WHERE substr(name, 1, 2) = '__');
DELETE FROM shares WHERE vault_id IN (SELECT id FROM vaults WHERE substr(name, 1, 2) = '__');
DELETE FROM approvals WHERE vault_id IN (SELECT id FROM vaults WHERE substr(name, 1, 2) = '__');
