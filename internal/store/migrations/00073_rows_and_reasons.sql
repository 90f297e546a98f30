-- row_count: of a statement on a database what it had or changed; -1: it is none, or is not known.
ALTER TABLE executions ADD COLUMN row_count BIGINT NOT NULL DEFAULT -1;

-- end_reason: what ended a request that is ended: freeze, credential (what it was asked with) or reach (of its agent). Empty: not known.
ALTER TABLE secret_requests ADD COLUMN end_reason CTEXT NOT NULL DEFAULT '';
