-- Vaults that are gone, whose secrets are cleared away by and by: nothing reads them without their vault,
-- and their keys are destroyed.
CREATE TABLE remains (
	vault_id CTEXT PRIMARY KEY
);
