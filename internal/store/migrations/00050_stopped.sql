-- by_human: a person had it signed, to stop what has its nonce. offered: a node may have its bytes, or who
-- asked for it.
ALTER TABLE transactions ADD COLUMN by_human BIGINT NOT NULL DEFAULT 0;
ALTER TABLE transactions ADD COLUMN offered BIGINT NOT NULL DEFAULT 1;

-- JSON of an agent's limits of transactions: as an owner or admin set them, which a member may go back to, and as a
-- person saw them last, or tighter. Empty: nobody knows.
ALTER TABLE agents ADD COLUMN held_limits CTEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN seen_limits CTEXT NOT NULL DEFAULT '';
