package app

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// Ids of the keys that sign checkpoints: "audit:" and a number. The highest one
// signs, all verify.
const (
	auditKeys     = "audit:"
	firstAuditKey = "audit:1"
)

// auditKeyIDs asks the keystore each time: another process may have made a key
// since, and a checkpoint that it signed must not look forged here.
func auditKeyIDs(keys keystore.KeyStore) func(ctx context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) {
		all, err := keys.Signers(ctx)
		if err != nil {
			return nil, err
		}
		mine := slices.DeleteFunc(all, func(id string) bool { return auditKeyNumber(id) == 0 })
		slices.SortFunc(mine, func(a, b string) int { return auditKeyNumber(a) - auditKeyNumber(b) })
		return mine, nil
	}
}

// auditKeyNumber is 0 for what is no id of ours.
func auditKeyNumber(id string) int {
	text, ours := strings.CutPrefix(id, auditKeys)
	n, err := strconv.Atoi(text)
	if !ours || err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0
	}
	return n
}

// ensureAuditKey makes the first key. Two nodes that start at once may both try:
// the one that comes second is as well served by the other's key. A keystore
// without it is new: with a database that has vaults already it is not theirs, and
// going on would hide that theirs is lost.
func ensureAuditKey(ctx context.Context, keys keystore.KeyStore, db *store.DB) error {
	ids, err := auditKeyIDs(keys)(ctx)
	if err != nil || len(ids) > 0 {
		return err
	}
	vaults, err := db.AllVaults(ctx)
	if err != nil {
		return err
	}
	if len(vaults) > 0 {
		return fault.New(fault.Invalid, "keystore_empty", "The keystore is empty, but the database has vaults, whose keys were in another one. "+
			"Name that with ONECLAW_KEYSTORE_DIR, or restore it from its backup: without its keys nothing opens.")
	}
	if err := keys.CreateSigner(ctx, firstAuditKey); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	return nil
}

// rotateAuditKey makes the next key and returns its id.
func rotateAuditKey(ctx context.Context, keys keystore.KeyStore) (string, error) {
	ids, err := auditKeyIDs(keys)(ctx)
	if err != nil {
		return "", err
	}
	next := 1
	if len(ids) > 0 {
		next += auditKeyNumber(ids[len(ids)-1])
	}
	id := auditKeys + strconv.Itoa(next)
	return id, keys.CreateSigner(ctx, id)
}
