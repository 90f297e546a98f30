-- by_human: a person had it signed, to stop what has its nonce. offered: a node may have its bytes, or who
-- asked for it.
ALTER TABLE transactions ADD COLUMN by_human BIGINT NOT NULL DEFAULT 0;
ALTER TABLE transactions ADD COLUMN offered BIGINT NOT NULL DEFAULT 1;
