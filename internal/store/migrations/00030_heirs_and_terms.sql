-- 1 of an agent that its human came by when another's membership or account ended: it passes on when
-- that human is demoted.
ALTER TABLE agents ADD COLUMN inherited BIGINT NOT NULL DEFAULT 0;
-- A name of its own for each membership that somebody joins. Tokens carry it, so that those of a former
-- one stay dead. It is empty for the first membership of an account.
ALTER TABLE memberships ADD COLUMN term CTEXT NOT NULL DEFAULT '';
