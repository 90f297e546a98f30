-- Requests to language models that are under way, and what is reserved for each, in billionths of a dollar. One
-- whose lease is over counts as spent.
CREATE TABLE shroud_open (
	id          CTEXT PRIMARY KEY,
	org_id      CTEXT NOT NULL,
	agent_id    CTEXT NOT NULL,
	node        CTEXT NOT NULL,
	provider    CTEXT NOT NULL,
	model       TEXT NOT NULL,
	day         BIGINT NOT NULL, -- that it counts in
	is_stream   BIGINT NOT NULL,
	held        BIGINT NOT NULL,
	created_at  BIGINT NOT NULL,
	lease_until BIGINT NOT NULL
);
CREATE INDEX shroud_open_agent ON shroud_open (agent_id);
CREATE INDEX shroud_open_org ON shroud_open (org_id);
CREATE INDEX shroud_open_node ON shroud_open (node);
CREATE INDEX shroud_open_lease ON shroud_open (lease_until);

-- What an agent used in a day of UTC, by its number: requests, what they cost, and what is reserved for those under way.
CREATE TABLE shroud_days (
	agent_id CTEXT NOT NULL,
	day      BIGINT NOT NULL,
	org_id   CTEXT NOT NULL,
	requests BIGINT NOT NULL,
	spent    BIGINT NOT NULL,
	held     BIGINT NOT NULL,
	PRIMARY KEY (agent_id, day)
);
CREATE INDEX shroud_days_org ON shroud_days (org_id);
CREATE INDEX shroud_days_day ON shroud_days (day);

-- How many requests came in a second, for limits of a minute.
CREATE TABLE shroud_seconds (
	agent_id CTEXT NOT NULL,
	second   BIGINT NOT NULL,
	org_id   CTEXT NOT NULL,
	requests BIGINT NOT NULL,
	PRIMARY KEY (agent_id, second)
);
CREATE INDEX shroud_seconds_org ON shroud_seconds (org_id);
CREATE INDEX shroud_seconds_second ON shroud_seconds (second);
