package store

import "github.com/oneclaw-dev/oneclaw/internal/vault"

// freeName returns the key of a new vault's name, or errNameTaken. The
// organisation's head is locked: nobody takes the name meanwhile.
func (tx Tx) freeName(v *vault.Vault) (string, error) {
	if err := tx.keyNames(v.Org); err != nil {
		return "", err
	}
	key := vault.NameKey(v.Name)
	var one int
	taken, err := tx.Row(`SELECT 1 FROM vaults WHERE org_id = $1 AND name_key = $2 LIMIT 1`, []any{v.Org, key}, &one)
	if err == nil && taken {
		err = tx.Refuse(errNameTaken)
	}
	return key, err
}

// keyNames gives the vaults of before their keys.
func (tx Tx) keyNames(org string) error {
	for {
		var id, name string
		found, err := tx.Row(`SELECT id, name FROM vaults WHERE org_id = $1 AND name_key IS NULL LIMIT 1`, []any{org}, &id, &name)
		if err != nil || !found {
			return err
		}
		if _, err := tx.Exec(`UPDATE vaults SET name_key = $2 WHERE id = $1`, id, vault.NameKey(name)); err != nil {
			return err
		}
	}
}
