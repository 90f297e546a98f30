-- deleted: taken out of use by a command, and not replaced by another key. What such a key signed is not sent.
ALTER TABLE signing_keys ADD COLUMN deleted BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET deleted = 1 WHERE is_active = 0
	AND NOT EXISTS (SELECT 1 FROM signing_keys o WHERE o.agent_id = signing_keys.agent_id AND (o.is_active = 1 OR o.rotated_at > signing_keys.rotated_at));

-- Whom an agent has paid or allowed something on a chain. Rows of recipients, which older versions wrote, count on every chain.
CREATE TABLE chain_recipients (
	agent_id CTEXT NOT NULL,
	address  CTEXT NOT NULL,
	chain_id BIGINT NOT NULL,
	org_id   CTEXT NOT NULL,
	PRIMARY KEY (agent_id, address, chain_id)
);
CREATE INDEX chain_recipients_org ON chain_recipients (org_id);
