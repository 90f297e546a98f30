-- All names that the chain of a number has or had: rules of agents name chains, and hold on whatever is called so since.
-- Rows stay when the chain is renamed or removed.
CREATE TABLE chain_names (
	chain_id BIGINT NOT NULL,
	name     CTEXT NOT NULL,
	PRIMARY KEY (chain_id, name)
) CLUSTERED;
CREATE INDEX chain_names_name ON chain_names (name);
INSERT INTO chain_names (chain_id, name) SELECT chain_id, name FROM chains;
