-- Since when the webhook for approvals is not called: since the database was restored from
-- a backup, until it is set again. Webhooks for events have such a column.
ALTER TABLE approval_webhooks ADD COLUMN paused_at BIGINT;
