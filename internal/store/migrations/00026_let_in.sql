-- The login that let a device in, as made_with says it elsewhere: of the code, and of the device's login.
ALTER TABLE device_codes ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN made_with CTEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_made ON sessions (made_with);
