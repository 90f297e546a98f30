-- A person who had just signed in made the share: it goes on when its path gets a gate.
ALTER TABLE shares ADD COLUMN in_person BIGINT NOT NULL DEFAULT 0;
