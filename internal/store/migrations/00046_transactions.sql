-- What stops agents: of the whole organisation where agent_id is empty. managed: an owner or admin set it.
CREATE TABLE freezes (
	org_id     CTEXT NOT NULL,
	agent_id   CTEXT NOT NULL,
	by_id      CTEXT NOT NULL,
	managed    BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (org_id, agent_id)
);
CREATE INDEX freezes_by ON freezes (by_id);

-- Keys that sign in the name of an agent and never leave the keystore. key_id names the key there. One row a
-- version; that of a key which was replaced or deleted is not active.
CREATE TABLE signing_keys (
	id         CTEXT PRIMARY KEY,
	org_id     CTEXT NOT NULL,
	agent_id   CTEXT NOT NULL,
	chain      CTEXT NOT NULL,
	key_id     CTEXT NOT NULL UNIQUE,
	address    CTEXT NOT NULL,
	public_key CTEXT NOT NULL,
	version    BIGINT NOT NULL,
	is_active  BIGINT NOT NULL,
	created_by CTEXT NOT NULL,
	created_at BIGINT NOT NULL,
	rotated_at BIGINT
);
CREATE INDEX signing_keys_agent ON signing_keys (agent_id);
CREATE INDEX signing_keys_org ON signing_keys (org_id);
CREATE INDEX signing_keys_creator ON signing_keys (created_by);

-- The accounts of keys that lie in vaults, by version: what a first use found out.
CREATE TABLE key_addresses (
	version_id CTEXT PRIMARY KEY,
	org_id     CTEXT NOT NULL,
	address    CTEXT NOT NULL
);
CREATE INDEX key_addresses_org ON key_addresses (org_id);

-- What bounds an agent's transactions beside its guardrails: a JSON object (internal/intents/guard).
CREATE TABLE guard_rules (
	agent_id   CTEXT PRIMARY KEY,
	org_id     CTEXT NOT NULL,
	rules      CTEXT NOT NULL,
	held       BIGINT NOT NULL, -- an owner or admin set them
	revision   BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);
CREATE INDEX guard_rules_org ON guard_rules (org_id);

-- Transactions, each from the moment that its nonce and its part of the limits were reserved. takes is a JSON
-- list of what it counts. raw is empty until it is signed. next_at is when a node looks at it again.
CREATE TABLE transactions (
	id            CTEXT PRIMARY KEY,
	org_id        CTEXT NOT NULL,
	agent_id      CTEXT NOT NULL,
	chain         CTEXT NOT NULL,
	chain_id      BIGINT NOT NULL,
	from_address  CTEXT NOT NULL,
	to_address    CTEXT NOT NULL,
	nonce         BIGINT NOT NULL,
	value_wei     CTEXT NOT NULL,
	max_fee       CTEXT NOT NULL,
	max_tip       CTEXT NOT NULL,
	function      CTEXT NOT NULL,
	status        CTEXT NOT NULL,
	takes         CTEXT NOT NULL,
	raw           BYTES  NOT NULL,
	hash          CTEXT NOT NULL,
	error_code    CTEXT NOT NULL,
	error         CTEXT NOT NULL,
	simulation    CTEXT NOT NULL,
	dashboard_url CTEXT NOT NULL,
	replaces      CTEXT NOT NULL,
	replay_key    CTEXT NOT NULL,
	replay_body   CTEXT NOT NULL,
	created_at    BIGINT NOT NULL,
	signed_at     BIGINT,
	next_at       BIGINT,
	attempts      BIGINT NOT NULL,
	block_number  BIGINT,
	block_hash    CTEXT NOT NULL,
	gas_used      BIGINT NOT NULL,
	gas_price     CTEXT NOT NULL,
	mined         CTEXT NOT NULL,
	mined_at      BIGINT
);
CREATE INDEX transactions_agent ON transactions (agent_id, created_at, id);
CREATE INDEX transactions_org ON transactions (org_id);
CREATE INDEX transactions_due ON transactions (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX transactions_nonce ON transactions (chain_id, from_address, nonce);
CREATE UNIQUE INDEX transactions_replay ON transactions (agent_id, replay_key) WHERE replay_key <> '';

-- What was spent in a minute, by agent and asset: the chain's coins as one ('native'), or CHAIN_ID:TOKEN. amount is
-- a decimal number of the smallest unit.
CREATE TABLE spends (
	agent_id CTEXT NOT NULL,
	asset    CTEXT NOT NULL,
	minute   BIGINT NOT NULL,
	org_id   CTEXT NOT NULL,
	amount   CTEXT NOT NULL,
	PRIMARY KEY (agent_id, asset, minute)
);
CREATE INDEX spends_org ON spends (org_id);

-- Who an agent has paid or allowed something before.
CREATE TABLE recipients (
	agent_id CTEXT NOT NULL,
	address  CTEXT NOT NULL,
	org_id   CTEXT NOT NULL,
	PRIMARY KEY (agent_id, address)
);
CREATE INDEX recipients_org ON recipients (org_id);

-- The next nonce of an account on a chain, and those below it that were reserved and not used.
CREATE TABLE nonces (
	chain_id BIGINT NOT NULL,
	address  CTEXT NOT NULL,
	next     BIGINT NOT NULL,
	PRIMARY KEY (chain_id, address)
);
CREATE TABLE free_nonces (
	chain_id BIGINT NOT NULL,
	address  CTEXT NOT NULL,
	nonce    BIGINT NOT NULL,
	PRIMARY KEY (chain_id, address, nonce)
);
