-- By what the server knows a test chain again: its first block, and one that was deep (height 0: none was).
CREATE TABLE chain_marks (
	chain_id BIGINT NOT NULL,
	genesis  CTEXT NOT NULL,
	height   BIGINT NOT NULL,
	hash     CTEXT NOT NULL,
	PRIMARY KEY (chain_id)
);
-- gone: it is of a chain that was started anew since, under the same number.
ALTER TABLE transactions ADD COLUMN gone BIGINT NOT NULL DEFAULT 0;
