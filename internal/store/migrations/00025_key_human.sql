-- The human who gave the agent its present key after the first, and so knows it. The agent's own
-- renewals leave it, as they leave key_with.
ALTER TABLE agents ADD COLUMN key_human CTEXT NOT NULL DEFAULT '';
UPDATE agents SET key_human = COALESCE((SELECT user_id FROM user_keys WHERE 'key:' || user_keys.id = agents.key_with),
	(SELECT user_id FROM sessions WHERE 'session:' || sessions.id = agents.key_with), '') WHERE key_with <> '';
CREATE INDEX agents_key_human ON agents (key_human);
