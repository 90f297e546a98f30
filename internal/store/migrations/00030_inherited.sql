-- 1 of an agent that its human came by when another's membership or account ended: it passes on when
-- that human is demoted.
ALTER TABLE agents ADD COLUMN inherited BIGINT NOT NULL DEFAULT 0;
