-- What a row of widenings was, where nothing else keeps it: an IP rule that was removed.
ALTER TABLE widenings ADD COLUMN name CTEXT NOT NULL DEFAULT '';
