-- The key from which the numbers in an organisation's placeholders are made, sealed. It is made at the first call of a model.
CREATE TABLE place_keys (
	org_id     CTEXT PRIMARY KEY,
	created_at BIGINT NOT NULL,
	wrapped    BYTES NOT NULL,
	sealed     BYTES NOT NULL
);
