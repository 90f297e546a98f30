-- One token bucket an address or principal, for nodes that share this database: when the
-- bucket will be full again (GCRA's theoretical arrival time), by the database's clock.
CREATE TABLE rate_limits (
	id      CTEXT PRIMARY KEY, -- SHA-256 of the limit's name and whom it counts
	full_at BIGINT NOT NULL
) CLUSTERED;

-- The oldest schema that a program must know of to run on this one. A migration that takes
-- something away, or that older programs would break, sets it to its own number. Programs that know
-- of no generations of keys (before 7) would write under a key that a rekey has destroyed.
INSERT INTO meta (name, value) VALUES ('oldest_schema', 7);
