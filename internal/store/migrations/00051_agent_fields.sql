-- What bounds an agent's transactions and signatures by the fields of later versions of the API: a JSON object
-- (internal/intents).
ALTER TABLE agents ADD COLUMN tx_fields TEXT NOT NULL DEFAULT '{}';
