-- Codes that a login approved are denied when it is ended for cause.
CREATE INDEX device_codes_made ON device_codes (made_with);
