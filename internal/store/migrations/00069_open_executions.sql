-- Executions that were cut off with their server are found at its next start.
CREATE INDEX executions_open ON executions (created_at) WHERE status = 'running';
