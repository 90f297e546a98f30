-- Names of vaults as people see them, which must differ within an organisation (vault.NameKey). NULL
-- is a row of before, which gets its key when the organisation's next vault is made. Names of before
-- that look alike stay.
ALTER TABLE vaults ADD COLUMN name_key CTEXT;
CREATE INDEX vaults_name_key ON vaults (org_id, name_key);

-- An account's identities at an issuer are looked up by the account.
CREATE INDEX provider_accounts_issuer ON provider_accounts (user_id, issuer);
DROP INDEX provider_accounts_user;
