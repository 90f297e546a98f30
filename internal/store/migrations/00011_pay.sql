-- Payments by request (x402). Rows of payments that served stay: they are what says
-- that one was used.
CREATE TABLE payments (
	id          BYTES PRIMARY KEY, -- SHA-256 of what the network takes once
	org_id      CTEXT NOT NULL,
	resource    BYTES NOT NULL,    -- SHA-256 of organisation, method and target
	state       CTEXT NOT NULL,    -- held, paid (settled, not served yet), served, refused
	attempt     CTEXT NOT NULL,    -- whose hold it is
	held_until  BIGINT NOT NULL,
	network     CTEXT NOT NULL,
	transaction_id CTEXT,
	payer       CTEXT,
	price_micros BIGINT NOT NULL,
	created_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX payments_transaction ON payments (network, transaction_id);
CREATE INDEX payments_state ON payments (state, created_at);

-- What Stripe knows an organisation by.
CREATE TABLE stripe_customers (
	org_id      CTEXT PRIMARY KEY,
	customer_id CTEXT NOT NULL UNIQUE
) CLUSTERED;

CREATE TABLE stripe_subscriptions (
	id         CTEXT PRIMARY KEY,  -- Stripe's
	org_id     CTEXT NOT NULL,
	tier       CTEXT NOT NULL,
	period     CTEXT NOT NULL,     -- monthly or yearly
	status     CTEXT NOT NULL,     -- as Stripe spells it
	period_end BIGINT NOT NULL,
	live_until BIGINT NOT NULL,    -- the tier holds until then; 0: not at all
	said_at    BIGINT NOT NULL     -- when Stripe made the event that says so
) CLUSTERED;
CREATE INDEX stripe_subscriptions_org ON stripe_subscriptions (org_id, live_until);

-- Events that were applied: each is once.
CREATE TABLE stripe_events (
	id         CTEXT PRIMARY KEY,
	created_at BIGINT NOT NULL
) CLUSTERED;
CREATE INDEX stripe_events_age ON stripe_events (created_at);
