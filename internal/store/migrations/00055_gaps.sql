-- fills: the id of the transaction that could not come into a block before this one, which has the nonce that it waited
-- for. waits_for: a nonce below its own that no transaction of the account has.
ALTER TABLE transactions ADD COLUMN fills CTEXT NOT NULL DEFAULT '';
ALTER TABLE transactions ADD COLUMN waits_for BIGINT;
