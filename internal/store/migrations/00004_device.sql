-- Devices that wait for a human to let them in. The codes are hashes.
CREATE TABLE device_codes (
	id          CTEXT PRIMARY KEY,
	device_hash CTEXT NOT NULL UNIQUE,
	user_hash   CTEXT NOT NULL UNIQUE,
	client_id   CTEXT NOT NULL,
	address     CTEXT NOT NULL, -- the device's, for the human to see
	network     CTEXT NOT NULL, -- what codes are counted by
	status      CTEXT NOT NULL, -- pending, approved, denied or used
	user_id     CTEXT NOT NULL, -- who decided, and in which organisation
	org_id      CTEXT NOT NULL,
	token_gen   BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL,
	polled_at   BIGINT NOT NULL
);
CREATE INDEX device_codes_network ON device_codes (network, expires_at);
CREATE INDEX device_codes_end ON device_codes (expires_at);

-- When each mail address may be named in an enrolment again.
CREATE TABLE enroll_limits (
	email_hash CTEXT PRIMARY KEY,
	next_at    BIGINT NOT NULL
) CLUSTERED;
CREATE INDEX enroll_limits_next ON enroll_limits (next_at);

-- Enrolments that nobody looked at yet, of known and unknown addresses.
CREATE TABLE enroll_requests (
	id          CTEXT PRIMARY KEY,
	email       CTEXT NOT NULL,
	name        TEXT NOT NULL,
	description TEXT NOT NULL,
	address     CTEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	next_at     BIGINT NOT NULL -- also the end of the lease of who claimed it
);
CREATE INDEX enroll_requests_due ON enroll_requests (next_at);

-- Enrolments that wait for the human who was mailed. The agent's key works once
-- it is accepted.
CREATE TABLE enrollments (
	id          CTEXT PRIMARY KEY,
	user_id     CTEXT NOT NULL,
	name        TEXT NOT NULL,
	description TEXT NOT NULL,
	key_hash    CTEXT NOT NULL UNIQUE,
	key_prefix  CTEXT NOT NULL,
	token_hash  CTEXT NOT NULL UNIQUE, -- of the link in the mail
	address     CTEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL
);
CREATE INDEX enrollments_user ON enrollments (user_id, expires_at);
CREATE INDEX enrollments_end ON enrollments (expires_at);
