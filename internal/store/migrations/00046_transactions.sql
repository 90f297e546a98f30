-- What stops agents: of the whole organisation where agent_id is empty. managed: an owner or admin set it.
CREATE TABLE freezes (
    org_id     TEXT   NOT NULL,
    agent_id   TEXT   NOT NULL,
    by_id      TEXT   NOT NULL,
    managed    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, agent_id)
);
