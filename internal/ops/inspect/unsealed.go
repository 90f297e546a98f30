package inspect

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// Unsealed names what the database holds sealed under keys of the server's own that
// the keystore has not got, or can't use. Keys of vaults are looked at with their vaults.
func Unsealed(ctx context.Context, db *store.DB, keys keystore.KeyStore) (lost []keyring.LostKey, err error) {
	rows, err := db.SealedRows(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		key, what string
		rows      int64
	}{
		{"identity", "second factors", rows.Factors},
		{"system", "mails that wait to be sent", rows.Mails},
		{"shares", "links of shares", rows.Links},
		{"system:approval-webhooks", "signing secrets of webhooks", rows.Webhooks},
	} {
		if s.rows == 0 {
			continue
		}
		_, err := keys.Wrap(ctx, s.key, make([]byte, keystore.MaxDEK), nil)
		switch fault.CodeOf(err) {
		case keystore.CodeKeyNotFound, keystore.CodeKeyUnusable:
			lost = append(lost, keyring.NewLost(ctx, keys, s.what, err))
		default:
			if err != nil {
				return nil, err
			}
		}
	}
	return lost, nil
}
