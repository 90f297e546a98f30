-- Money and limits. An organisation without a row in billing_accounts is on the server's
-- default tier. Money is kept in cents, and what a request costs in millionths of a dollar.

CREATE TABLE billing_accounts (
	org_id             CTEXT PRIMARY KEY,
	tier               CTEXT NOT NULL,  -- empty: the server's default
	tier_ends_at       BIGINT,          -- from then on the server's default
	free_tier_override BIGINT,          -- requests a month that cost nothing, instead of the tier's
	is_sponsored       BIGINT NOT NULL, -- requests beyond the limit cost nothing
	overage_method     CTEXT NOT NULL,
	owed_micros        BIGINT NOT NULL, -- spent, and not yet in the ledger
	ledger_seq         BIGINT NOT NULL,
	balance_cents      BIGINT NOT NULL  -- as the last row of the ledger says
) CLUSTERED;

CREATE TABLE billing_usage (
	org_id      CTEXT NOT NULL,
	month       CTEXT NOT NULL, -- 2026-11, UTC
	total       BIGINT NOT NULL,
	paid        BIGINT NOT NULL,
	cost_micros BIGINT NOT NULL,
	PRIMARY KEY (org_id, month)
) CLUSTERED;

-- The last requests of each organisation. Ids are UUIDs of version 7: they sort by time.
CREATE TABLE billing_events (
	org_id         CTEXT NOT NULL,
	id             CTEXT NOT NULL,
	principal_type CTEXT NOT NULL,
	principal_id   CTEXT NOT NULL,
	method         CTEXT NOT NULL,
	endpoint       CTEXT NOT NULL, -- the route, never the path
	status_code    BIGINT NOT NULL,
	price_micros   BIGINT NOT NULL,
	created_at     BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
) CLUSTERED;

-- Credits by when they end. The sum of what is left is the balance.
CREATE TABLE credit_lots (
	id           CTEXT PRIMARY KEY,
	org_id       CTEXT NOT NULL,
	left_cents   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL
);
CREATE INDEX credit_lots_org ON credit_lots (org_id, expires_at);

-- Append-only: no statement changes or removes a row.
CREATE TABLE credit_ledger (
	org_id              CTEXT NOT NULL,
	seq                 BIGINT NOT NULL,
	id                  CTEXT NOT NULL,
	type                CTEXT NOT NULL, -- grant, topup, usage, expiry
	amount_cents        BIGINT NOT NULL,
	balance_after_cents BIGINT NOT NULL,
	description         TEXT NOT NULL,
	reference           CTEXT,          -- what a payment provider calls it: credited once
	created_at          BIGINT NOT NULL,
	PRIMARY KEY (org_id, seq)
) CLUSTERED;
CREATE UNIQUE INDEX credit_ledger_reference ON credit_ledger (reference);

CREATE TABLE admin_settings (
	name       CTEXT PRIMARY KEY,
	value      TEXT NOT NULL,
	updated_by CTEXT NOT NULL,
	updated_at BIGINT NOT NULL
) CLUSTERED;

CREATE TABLE chains (
	id              CTEXT PRIMARY KEY,
	name            CTEXT NOT NULL UNIQUE,
	display_name    TEXT NOT NULL,
	chain_id        BIGINT NOT NULL UNIQUE,
	rpc_url         TEXT,
	ws_url          TEXT,
	explorer_url    TEXT,
	native_currency TEXT NOT NULL,
	is_testnet      BIGINT NOT NULL,
	is_enabled      BIGINT NOT NULL,
	created_at      BIGINT NOT NULL,
	updated_at      BIGINT NOT NULL
);
INSERT INTO chains (id, name, display_name, chain_id, explorer_url, native_currency, is_testnet, is_enabled, created_at, updated_at) VALUES
	('c4a10000-0000-4000-8000-000000000001', 'ethereum', 'Ethereum', 1, 'https://etherscan.io', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000002', 'base', 'Base', 8453, 'https://basescan.org', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000003', 'optimism', 'OP Mainnet', 10, 'https://optimistic.etherscan.io', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000004', 'arbitrum-one', 'Arbitrum One', 42161, 'https://arbiscan.io', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000005', 'polygon', 'Polygon', 137, 'https://polygonscan.com', 'POL', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000006', 'sepolia', 'Sepolia', 11155111, 'https://sepolia.etherscan.io', 'ETH', 1, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000007', 'base-sepolia', 'Base Sepolia', 84532, 'https://sepolia.basescan.org', 'ETH', 1, 1, 1767225600000000, 1767225600000000);
