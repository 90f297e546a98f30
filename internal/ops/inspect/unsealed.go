package inspect

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/placekey"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// Unsealed names what is sealed under keys of the server's own that were made or are
// needed and that the keystore has not got, and under those that it can't use. Keys of vaults are looked at with their vaults.
func Unsealed(ctx context.Context, db *store.DB, keys keystore.KeyStore) (lost []keyring.LostKey, err error) {
	rows, err := db.SealedRows(ctx)
	if err != nil {
		return nil, err
	}
	held := map[string]int64{"identity": rows.Factors, "system": rows.Mails, "shares": rows.Links, "system:approval-webhooks": rows.Webhooks, "flagged": rows.Texts, placekey.KEK: rows.Places}
	for _, k := range keyring.SealingKeys {
		made, err := keyring.Sealing{Keys: keys, Notes: db}.Made(ctx, k.ID)
		if err != nil {
			return nil, err
		}
		_, err = keys.Wrap(ctx, k.ID, make([]byte, keystore.MaxDEK), nil)
		switch fault.CodeOf(err) {
		case keystore.CodeKeyNotFound:
			if held[k.ID] > 0 || made {
				lost = append(lost, keyring.NewLost(ctx, keys, k.What, err))
			}
		case keystore.CodeKeyUnusable: // it is there, and nothing can be sealed with it
			lost = append(lost, keyring.NewLost(ctx, keys, k.What, err))
		default:
			if err != nil {
				return nil, err
			}
		}
	}
	return lost, nil
}
