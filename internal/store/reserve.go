package store

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// ReserveTransaction implements transaction.Store. The organisation's audit head is
// locked first, so that decisions about one agent follow each other, on all nodes.
func (db *DB) ReserveTransaction(ctx context.Context, r *transaction.Reservation, ev *audit.Event) error {
	t := r.Tx
	return db.Write(ctx, t.Org, func(tx Tx) error {
		if err := tx.alive(t.Org); err != nil {
			return err
		}
		old, err := tx.oldKey(t, r)
		var before family // what it replaces counts no more beside it
		if err == nil && r.Replaces != nil {
			before, err = tx.family(r.Replaces, "")
		}
		if err == nil {
			err = tx.decide(r, &before)
		}
		if err != nil {
			return tx.Refuse(err)
		}
		if old {
			if _, err := tx.Exec(`UPDATE transactions SET replay_key = '' WHERE agent_id = $1 AND replay_key = $2`, t.Agent, t.ReplayKey); err != nil {
				return err
			}
		}
		switch {
		case t.Status == transaction.Unsigned:
		case r.Replaces != nil:
			err = tx.sameNonce(r)
		default:
			err = tx.nextNonce(r)
		}
		if err != nil {
			return err
		}
		if err := tx.spendTakes(t, before.at, before.all, false); err != nil {
			return err
		}
		if err := tx.spendTakes(t, t.CreatedAt, transaction.Most(before.all, t.Takes), true); err != nil {
			return err
		}
		for _, a := range r.Recipients {
			if _, err := tx.Exec(`INSERT INTO tx_recipients (tx_id, agent_id, address, chain_id, org_id) VALUES ($1, $2, $3, $4, $5)`,
				t.ID, t.Agent, a.String(), int64(t.ChainID), t.Org); err != nil {
				return err
			}
		}
		err = tx.addTx(t)
		if err == nil && r.Taking != nil {
			err = tx.take(*r.Taking, ev)
		}
		if err == nil && r.Approval != "" {
			err = tx.useApproval(r.Approval, ev.At)
		}
		tx.Record(ev)
		return err
	})
}

func (tx Tx) addTx(t *transaction.Tx) error {
	values, err := txValues(t)
	if err == nil {
		_, err = tx.Exec(`INSERT INTO transactions (`+txColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
			$19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)`, values...)
	}
	return err
}

// AddFailedTransaction implements transaction.Store.
func (db *DB) AddFailedTransaction(ctx context.Context, t *transaction.Tx, ev *audit.Event) error {
	return db.Write(ctx, t.Org, func(tx Tx) error {
		err := tx.alive(t.Org)
		if err == nil {
			err = tx.addTx(t)
		}
		tx.Record(ev)
		return err
	})
}

// oldKey refuses a key of a request that another has. One that is older than a day is
// forgotten: then it is old.
func (tx Tx) oldKey(t *transaction.Tx, r *transaction.Reservation) (old bool, err error) {
	if t.ReplayKey == "" {
		return false, nil
	}
	var created int64
	found, err := tx.Row(`SELECT created_at FROM transactions WHERE agent_id = $1 AND replay_key = $2`, []any{t.Agent, t.ReplayKey}, &created)
	if err == nil && found && created > micros(r.Since) {
		err = transaction.ErrReplayed
	}
	return found, err
}

// decide asks the domain, with the agent and what it spent as they are under the lock, besides
// what is replaced.
func (tx Tx) decide(r *transaction.Reservation, before *family) error {
	t := r.Tx
	now, err := tx.txAgent(t.Agent, t.Org)
	if err != nil {
		return err
	}
	if before.byHuman && !r.Human {
		return transaction.ErrStopped
	}
	spent, err := spentBy(tx, t.Agent, r.Since, t.ChainID, r.Recipients)
	if err != nil {
		return err
	}
	if before.at.Unix()/60 >= r.Since.Unix()/60 {
		transaction.Without(spent, before.all)
	}
	t.Takes, err = r.Decide(&now, spent)
	return err
}

// txAgent is an agent as it is under the lock.
func (tx Tx) txAgent(id, org string) (transaction.Agent, error) {
	var row txAgentRow
	found, err := tx.Row(selectAgentForTx, []any{id, org}, row.dest()...)
	if err == nil && !found {
		err = policy.ErrNoAgent
	}
	if err != nil {
		return transaction.Agent{}, err
	}
	return row.agent(tx.Now())
}

// nextNonce gives the transaction its nonce: the lowest that was reserved and not used, or
// the next of ours or of the node, whichever is more.
func (tx Tx) nextNonce(r *transaction.Reservation) error {
	t := r.Tx
	from := t.From.String()
	chain := int64(t.ChainID)
	var next int64
	// Other organisations may have the same key: the row is locked, and there to be locked.
	tx.Wrote()
	if _, err := tx.Row(`INSERT INTO nonces (chain_id, address, next) VALUES ($1, $2, 0)
		ON CONFLICT (chain_id, address) DO UPDATE SET next = nonces.next RETURNING next`, []any{chain, from}, &next); err != nil {
		return err
	}
	var free []int64
	if err := tx.Each(`SELECT nonce FROM free_nonces WHERE chain_id = $1 AND address = $2 ORDER BY nonce`, []any{chain, from}, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		free = append(free, n)
		return err
	}); err != nil {
		return err
	}
	counts := r.Counts
	counts.Next = uint64(next)
	for _, n := range free {
		counts.Free = append(counts.Free, uint64(n))
	}
	if t.Fills != "" && !slices.Contains(free, int64(*r.Nonce)) { // somebody was faster
		return transaction.ErrNonce
	}
	used, err := tx.usesNonce(t, r.Nonce)
	if err != nil {
		return err
	}
	nonce, then, err := transaction.NextNonce(&counts, r.Nonce, used)
	if err != nil {
		return err
	}
	t.Nonce = nonce
	if _, err := tx.Exec(`DELETE FROM free_nonces WHERE chain_id = $1 AND address = $2 AND (nonce = $3 OR nonce < $4)`, chain, from, int64(nonce), int64(r.Counts.Latest)); err != nil {
		return err
	}
	if r.Nonce != nil && then > nonce { // those that it leaves out are the next
		for n := max(uint64(next), r.Counts.Latest, r.Counts.Pending); n < nonce; n++ {
			if _, err := tx.Exec(`INSERT INTO free_nonces (chain_id, address, nonce) VALUES ($1, $2, $3) ON CONFLICT (chain_id, address, nonce) DO NOTHING`,
				chain, from, int64(n)); err != nil {
				return err
			}
		}
	}
	_, err = tx.Exec(`INSERT INTO nonces (chain_id, address, next) VALUES ($1, $2, $3)
		ON CONFLICT (chain_id, address) DO UPDATE SET next = CASE WHEN nonces.next > excluded.next THEN nonces.next ELSE excluded.next END`, chain, from, int64(then))
	return err
}

// NextOf implements transaction.Store.
func (db *DB) NextOf(ctx context.Context, chain uint64, of evm.Address) (uint64, error) {
	var next int64
	_, err := db.Row(ctx, `SELECT next FROM nonces WHERE chain_id = $1 AND address = $2`, []any{int64(chain), of.String()}, &next)
	return uint64(next), err
}

// GapAt implements transaction.Store.
func (db *DB) GapAt(ctx context.Context, chain uint64, of evm.Address, nonce uint64) (g transaction.Gap, err error) {
	var taken, up int
	var last sql.NullInt64
	_, err = db.Row(ctx, `SELECT
		(SELECT COUNT(*) FROM transactions WHERE chain_id = $1 AND from_address = $2 AND nonce = $3 AND gone = 0 AND status IN ('pending', 'signed', 'broadcast')),
		(SELECT COUNT(*) FROM free_nonces f WHERE f.chain_id = $1 AND f.address = $2 AND f.nonce = $3 AND EXISTS (SELECT 1 FROM transactions
			WHERE chain_id = $1 AND from_address = $2 AND nonce = $3 AND gone = 0 AND status = 'failed')),
		(SELECT MAX(created_at) FROM transactions WHERE chain_id = $1 AND from_address = $2 AND nonce = $3 AND gone = 0 AND fills <> '')`,
		[]any{int64(chain), of.String(), int64(nonce)}, &taken, &up, &last)
	g.Taken, g.GivenUp, g.Last = taken > 0, up > 0, fromNull(last)
	return g, err
}

// usesNonce reports whether a transaction of the account's has a nonce that was asked for.
func (tx Tx) usesNonce(t *transaction.Tx, asked *uint64) (bool, error) {
	if asked == nil || *asked > math.MaxInt64 {
		return false, nil
	}
	var one int
	return tx.Row(`SELECT 1 FROM transactions WHERE chain_id = $1 AND from_address = $2 AND nonce = $3 AND gone = 0
		AND status NOT IN ('message', 'simulation_failed') AND (status <> 'failed' OR mined = 'reverted') LIMIT 1`,
		[]any{int64(t.ChainID), t.From.String(), int64(*asked)}, &one)
}

// sameNonce gives the transaction the nonce of the one that it replaces, which must wait
// still.
func (tx Tx) sameNonce(r *transaction.Reservation) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM transactions WHERE id = $1 AND agent_id = $2 AND status IN ('signed', 'broadcast', 'sign_only') AND mined = ''`,
		[]any{r.Replaces.ID, r.Tx.Agent}, &one)
	if err == nil && !found {
		err = transaction.ErrMined
	}
	r.Tx.Nonce = r.Replaces.Nonce
	return err
}

// Family implements transaction.Store.
func (db *DB) Family(ctx context.Context, t *transaction.Tx) ([]transaction.Tx, error) {
	first := t.Replaces
	if first == "" {
		first = t.ID
	}
	return db.manyTx(ctx, `chain_id = $1 AND from_address = $2 AND nonce = $3 AND agent_id = $4 AND (id = $5 OR replaces = $5)`,
		int64(t.ChainID), t.From.String(), int64(t.Nonce), t.Agent, first)
}

// freeNonce lets the nonce of a transaction be used again that no node has taken.
func (tx Tx) freeNonce(t *transaction.Tx) error {
	_, err := tx.Exec(`INSERT INTO free_nonces (chain_id, address, nonce) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT 1 FROM transactions WHERE chain_id = $1 AND from_address = $2 AND nonce = $3 AND id <> $4 AND gone = 0
			AND status NOT IN ('failed', 'message'))
		ON CONFLICT (chain_id, address, nonce) DO NOTHING`, int64(t.ChainID), t.From.String(), int64(t.Nonce), t.ID)
	return err
}

// KeyAddress implements transaction.Store.
func (db *DB) KeyAddress(ctx context.Context, versionID string) (address string, err error) {
	_, err = db.Row(ctx, `SELECT address FROM key_addresses WHERE version_id = $1`, []any{versionID}, &address)
	return address, err
}

// PutKeyAddress implements transaction.Store.
func (db *DB) PutKeyAddress(ctx context.Context, org, versionID, address string) error {
	return db.Write(context.WithoutCancel(ctx), org, func(tx Tx) error {
		_, err := tx.Exec(`INSERT INTO key_addresses (version_id, org_id, address) VALUES ($1, $2, $3) ON CONFLICT (version_id) DO NOTHING`, versionID, org, address)
		return err
	})
}

// KeysOf implements transaction.Store.
func (db *DB) KeysOf(ctx context.Context, org string, of evm.Address) (out []vault.Ref, err error) {
	err = db.Each(ctx, `SELECT v.vault_id, v.path, v.version FROM key_addresses k JOIN secret_versions v ON v.id = k.version_id
		JOIN secrets s ON s.vault_id = v.vault_id AND s.path = v.path
		WHERE k.org_id = $1 AND k.address = $2 AND v.deleted_at IS NULL AND s.deleted_at IS NULL ORDER BY v.created_at DESC, v.id`,
		[]any{org, of.String()}, func(rows *sql.Rows) error {
			var at vault.Ref
			var path string
			var version int64
			err := rows.Scan(&at.Vault, &path, &version)
			if err == nil {
				at.Version = uint64(version)
				at.Path, err = secretpath.Parse(path)
			}
			out = append(out, at)
			return err
		})
	return out, err
}

// KeyDeleted implements transaction.Store.
func (db *DB) KeyDeleted(ctx context.Context, t *transaction.Tx) (bool, error) {
	var here, kept int
	_, err := db.Row(ctx, `SELECT COUNT(*), COALESCE(SUM(1 - deleted), 0) FROM signing_keys WHERE agent_id = $1 AND address = $2`, []any{t.Agent, t.From.String()}, &here, &kept)
	if here > 0 || err != nil {
		return kept == 0 && err == nil, err
	}
	left, err := db.KeysOf(ctx, t.Org, t.From)
	return len(left) == 0 && err == nil, err
}

// VaultsWith implements transaction.Store and vault.Store.
func (db *DB) VaultsWith(ctx context.Context, org, path string) ([]string, error) {
	return db.Texts(ctx, `SELECT s.vault_id FROM secrets s JOIN vaults v ON v.id = s.vault_id
		WHERE v.org_id = $1 AND s.path = $2 AND s.version_id <> '' AND s.deleted_at IS NULL ORDER BY s.vault_id`, org, path)
}

// AgentKeysVault implements transaction.Store.
func (db *DB) AgentKeysVault(ctx context.Context, org string) (string, error) {
	v, err := db.VaultNamed(ctx, org, vault.AgentKeys)
	return v.ID, err
}

// ChangeRules implements transaction.Store. A change may loosen or tighten: either way what
// was decided before is decided anew.
func (db *DB) ChangeRules(ctx context.Context, org, agent string, change func(was *transaction.Agent) (transaction.Rewritten, error), ev *audit.Event) (a transaction.Agent, err error) {
	err = db.Write(ctx, org, func(tx Tx) error {
		var row txAgentRow
		found, err := tx.Row(selectAgentForTx, []any{agent, org}, row.dest()...)
		if err == nil && !found {
			err = tx.Refuse(policy.ErrNoAgent)
		}
		if err != nil {
			return err
		}
		if a, err = row.agent(tx.Now()); err != nil {
			return err
		}
		now, err := change(&a)
		if err != nil {
			return tx.Refuse(err)
		}
		a.Rules, a.Held = now.Rules, now.Held
		a.Revision++
		_, err = tx.Exec(`INSERT INTO guard_rules (agent_id, org_id, rules, held, revision, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (agent_id) DO UPDATE SET rules = excluded.rules, held = excluded.held, revision = excluded.revision, updated_at = excluded.updated_at`,
			agent, org, string(a.Rules), number(a.Held), a.Revision, micros(tx.Now()))
		if err == nil && now.Loosens {
			err = tx.widened(wideAgent, agent, org, now.Held, ev)
		}
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
	return a, err
}
