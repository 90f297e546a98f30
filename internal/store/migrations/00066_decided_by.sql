-- ruled: marks the rules and limits by which it was decided. Empty: not known.
ALTER TABLE transactions ADD COLUMN ruled CTEXT NOT NULL DEFAULT '';

-- Whom a transaction pays or allows something. The agent knows them once it is in a block; those of a signed message, and
-- of before, are in chain_recipients.
CREATE TABLE tx_recipients (
	tx_id    CTEXT NOT NULL,
	agent_id CTEXT NOT NULL,
	address  CTEXT NOT NULL,
	chain_id BIGINT NOT NULL,
	org_id   CTEXT NOT NULL,
	paid     BIGINT NOT NULL DEFAULT 0, -- the transaction is in a block, and did what it says
	PRIMARY KEY (tx_id, address)
);
CREATE INDEX tx_recipients_known ON tx_recipients (agent_id, address, chain_id, paid);
CREATE INDEX tx_recipients_org ON tx_recipients (org_id);
