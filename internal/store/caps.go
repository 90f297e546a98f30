package store

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// maxCapEntries bounds the organisations whose accounts are kept. A tier that ends by
// itself is looked at when it is used.
const maxCapEntries = 4096

// caps returns what an organisation may have.
func (db *DB) caps(ctx context.Context, org string) (billing.Caps, error) {
	now := db.ByClock()
	a, err := db.accounts.Get(org, func() (int64, bool) { return db.EpochOf(org) }, func() (billing.Account, error) {
		return db.BillingAccount(ctx, org, "", now)
	})
	if err != nil {
		return billing.Caps{}, err
	}
	return a.Caps(now), nil
}

// reservedName is a condition for the name of a vault that is the server's own.
const reservedName = `substr(name, 1, length('` + vault.ReservedPrefix + `')) = '` + vault.ReservedPrefix + `'`

// What there is of each kind, as billing.Kind says.
const (
	countVaults  = `SELECT COUNT(*) FROM vaults WHERE org_id = $1 AND NOT ` + reservedName
	countSecrets = `SELECT COUNT(*) FROM secrets s JOIN vaults v ON v.id = s.vault_id
		WHERE v.org_id = $1 AND s.deleted_at IS NULL AND NOT ` + reservedName
	countAgents  = `SELECT COUNT(*) FROM agents WHERE org_id = $1 AND is_active = 1`
	countMembers = `SELECT COUNT(*) FROM memberships WHERE org_id = $1`
	countShares  = `SELECT COUNT(*) FROM shares WHERE org_id = $1`
)

var counts = map[billing.Kind]string{billing.Vaults: countVaults, billing.Secrets: countSecrets, billing.Agents: countAgents}

// room refuses one more of a kind where the caps do. In a transaction on behalf of the
// organisation nobody adds one meanwhile: that holds the organisation's head of the log.
func (tx Tx) room(kind billing.Kind, caps billing.Caps, org string) error {
	return roomOf(kind, caps, org, 0, tx.Row)
}

// overfull refuses a restored secret that is one too many. What was written is
// undone with it.
func (tx Tx) overfull(caps billing.Caps, org string) error {
	return roomOf(billing.Secrets, caps, org, 1, tx.Row)
}

// roomOf counts those of a kind but for the new ones among them, and asks the caps. What
// has no cap is not counted.
func roomOf(kind billing.Kind, caps billing.Caps, org string, added int64, row func(query string, args []any, dest ...any) (bool, error)) error {
	if !caps.Limits(kind) {
		return nil
	}
	var n int64
	if _, err := row(counts[kind], []any{org}, &n); err != nil {
		return err
	}
	return caps.Allow(kind, n-added)
}

// RoomForVault implements vault.Store.
func (db *DB) RoomForVault(ctx context.Context, org string) error {
	return db.roomFor(ctx, org, billing.Vaults)
}

// RoomForAgent implements agent.Store.
func (db *DB) RoomForAgent(ctx context.Context, org string) error {
	return db.roomFor(ctx, org, billing.Agents)
}

func (db *DB) roomFor(ctx context.Context, org string, kind billing.Kind) error {
	caps, err := db.caps(ctx, org)
	if err != nil {
		return err
	}
	return roomOf(kind, caps, org, 0, func(query string, args []any, dest ...any) (bool, error) { return db.Row(ctx, query, args, dest...) })
}

// Resources implements billing.UsageStore.
func (db *DB) Resources(ctx context.Context, org string) (billing.Resources, error) {
	var r billing.Resources
	for query, n := range map[string]*int64{countVaults: &r.Vaults, countSecrets: &r.Secrets, countAgents: &r.Agents, countMembers: &r.Members, countShares: &r.Shares} {
		if _, err := db.Row(ctx, query, []any{org}, n); err != nil {
			return r, err
		}
	}
	return r, nil
}
