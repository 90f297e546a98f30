-- Names of vaults as people see them, which must differ within an organisation (vault.NameKey). NULL
-- is a row of before, which gets its key when the organisation's next vault is made. Names of before
-- that look alike stay.
ALTER TABLE vaults ADD COLUMN name_key CTEXT;
CREATE INDEX vaults_name_key ON vaults (org_id, name_key);

