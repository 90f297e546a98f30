package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

const txColumns = `id, org_id, agent_id, chain, chain_id, from_address, to_address, nonce, value_wei, max_fee, max_tip, function, status,
	takes, raw, hash, error_code, error, simulation, dashboard_url, replaces, replay_key, replay_body, created_at, signed_at, next_at, attempts,
	block_number, block_hash, gas_used, gas_price, mined, mined_at, by_human, offered, fills, waits_for, ruled`

// txRow takes the columns of a transaction.
type txRow struct {
	t                                         transaction.Tx
	from, to, value, maxFee, maxTip           string
	takes, hash, simulation, blockHash, price string
	chainID, nonce, gasUsed, created          int64
	signed, next, block, mined, waits         sql.NullInt64
	byHuman, offered                          int64
}

func (r *txRow) dest() []any {
	t := &r.t
	return []any{
		&t.ID, &t.Org, &t.Agent, &t.Chain, &r.chainID, &r.from, &r.to, &r.nonce, &r.value, &r.maxFee, &r.maxTip, &t.Function, &t.Status,
		&r.takes, &t.Raw, &r.hash, &t.ErrorCode, &t.Error, &r.simulation, &t.Simulation.DashboardURL, &t.Replaces, &t.ReplayKey, &t.ReplayBody,
		&r.created, &r.signed, &r.next, &t.Attempts, &r.block, &r.blockHash, &r.gasUsed, &r.price, &t.Receipt.Fate, &r.mined, &r.byHuman, &r.offered, &t.Fills, &r.waits, &t.Ruled,
	}
}

func (r *txRow) tx() (transaction.Tx, error) {
	t := r.t
	t.ChainID, t.Nonce = uint64(r.chainID), uint64(r.nonce)
	t.ByHuman, t.Offered = r.byHuman != 0, r.offered != 0
	if r.waits.Valid {
		waits := uint64(r.waits.Int64)
		t.WaitsFor = &waits
	}
	var err error
	address := func(s string) (a evm.Address) {
		if err == nil {
			a, err = evm.ParseAddress(s)
		}
		return a
	}
	hash := func(s string) (h evm.Hash) {
		if err == nil && s != "" {
			h, err = evm.ParseHash(s)
		}
		return h
	}
	wei := func(s string) (n uint256.Int) {
		if err == nil {
			n, err = evm.ParseUnits(s, 0)
		}
		return n
	}
	t.From = address(r.from)
	if r.to != "" {
		to := address(r.to)
		t.To = &to
	}
	t.Value, t.MaxFee, t.MaxTip = wei(r.value), wei(r.maxFee), wei(r.maxTip)
	t.Hash = hash(r.hash)
	t.Simulation.ID, t.Simulation.Status, _ = strings.Cut(r.simulation, " ")
	t.CreatedAt, t.SignedAt, t.NextAt = fromMicros(r.created), fromNull(r.signed), fromNull(r.next)
	t.Receipt.Block, t.Receipt.BlockHash, t.Receipt.GasUsed = uint64(r.block.Int64), hash(r.blockHash), uint64(r.gasUsed)
	t.Receipt.GasPrice, t.Receipt.At = wei(r.price), fromNull(r.mined)
	if err == nil {
		err = json.Unmarshal([]byte(r.takes), &t.Takes)
	}
	if err != nil {
		err = sqldb.Parsed(err)
	}
	return t, err
}

// txValues are the values of txColumns.
func txValues(t *transaction.Tx) ([]any, error) {
	takes, err := json.Marshal(t.Takes)
	if err != nil {
		return nil, err
	}
	to := ""
	if t.To != nil {
		to = t.To.String()
	}
	raw := t.Raw
	if raw == nil {
		raw = []byte{}
	}
	return []any{
		t.ID, t.Org, t.Agent, t.Chain, int64(t.ChainID), t.From.String(), to, int64(t.Nonce), t.Value.Dec(), t.MaxFee.Dec(), t.MaxTip.Dec(), t.Function,
		string(t.Status), string(takes), raw, hashText(t.Hash), t.ErrorCode, t.Error, strings.TrimSpace(t.Simulation.ID + " " + t.Simulation.Status),
		t.Simulation.DashboardURL, t.Replaces, t.ReplayKey, t.ReplayBody, micros(t.CreatedAt), nullMicros(t.SignedAt), nullMicros(t.NextAt), t.Attempts,
		blockOf(&t.Receipt), hashText(t.Receipt.BlockHash), int64(t.Receipt.GasUsed), t.Receipt.GasPrice.Dec(), string(t.Receipt.Fate), nullMicros(t.Receipt.At),
		number(t.ByHuman), number(t.Offered), t.Fills, nullNonce(t.WaitsFor), t.Ruled,
	}, nil
}

func nullNonce(n *uint64) sql.NullInt64 {
	if n == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: int64(*n), Valid: true}
}

func hashText(h evm.Hash) string {
	if h == (evm.Hash{}) {
		return ""
	}
	return h.String()
}

func blockOf(r *transaction.Receipt) sql.NullInt64 {
	return sql.NullInt64{Int64: int64(r.Block), Valid: r.BlockHash != (evm.Hash{})}
}

const selectAgentForTx = `SELECT a.id, a.org_id, a.name, a.created_by, a.is_active, a.expires_at, a.intents_api_enabled, a.tx_to_allowlist, a.tx_allowed_chains,
	a.tx_max_value_eth, a.tx_daily_limit_eth, a.tx_fields, (SELECT COUNT(*) FROM freezes f WHERE f.org_id = a.org_id AND (f.agent_id = '' OR f.agent_id = a.id)), COALESCE(g.rules, ''), COALESCE(g.held, 0), COALESCE(g.revision, 0)
	FROM agents a LEFT JOIN guard_rules g ON g.agent_id = a.id WHERE a.id = $1 AND a.org_id = $2`

type txAgentRow struct {
	a               transaction.Agent
	active, intents int64
	frozen, held    int64
	expires         sql.NullInt64
	to, chains      string
	most, daily     sql.NullString
	rules, fields   string
}

func (r *txAgentRow) dest() []any {
	return []any{
		&r.a.ID, &r.a.Org, &r.a.Name, &r.a.Creator, &r.active, &r.expires, &r.intents, &r.to, &r.chains, &r.most, &r.daily, &r.fields, &r.frozen, &r.rules, &r.held, &r.a.Revision,
	}
}

func (r *txAgentRow) agent(now time.Time) (transaction.Agent, error) {
	a := r.a
	a.Active, a.Intents = r.active != 0 && (!r.expires.Valid || now.Before(fromMicros(r.expires.Int64))), r.intents != 0
	a.Frozen, a.Held = r.frozen != 0, r.held != 0
	a.Guardrails.MaxValueETH, a.Guardrails.DailyLimitETH = r.most.String, r.daily.String
	if r.rules != "" {
		a.Rules = []byte(r.rules)
	}
	var err error
	if a.Guardrails.Fields, err = readFields(r.fields); err != nil {
		return a, err
	}
	if err := readList(r.to, &a.Guardrails.ToAllowlist); err != nil {
		return a, err
	}
	return a, readList(r.chains, &a.Guardrails.AllowedChains)
}

// AgentForTransactions implements transaction.Store.
func (db *DB) AgentForTransactions(ctx context.Context, org, id string) (transaction.Agent, error) {
	var r txAgentRow
	found, err := db.Row(ctx, selectAgentForTx, []any{id, org}, r.dest()...)
	if err == nil && !found {
		err = policy.ErrNoAgent
	}
	if err != nil {
		return transaction.Agent{}, err
	}
	return r.agent(db.Now())
}

func (db *DB) oneTx(ctx context.Context, where string, args ...any) (transaction.Tx, bool, error) {
	var r txRow
	found, err := db.Row(ctx, `SELECT `+txColumns+` FROM transactions WHERE `+where, args, r.dest()...)
	if err != nil || !found {
		return transaction.Tx{}, false, err
	}
	t, err := r.tx()
	return t, err == nil, err
}

// ReplayedTransaction implements transaction.Store.
func (db *DB) ReplayedTransaction(ctx context.Context, agent, key string, since time.Time) (transaction.Tx, bool, error) {
	return db.oneTx(ctx, `agent_id = $1 AND replay_key = $2 AND created_at > $3`, agent, key, micros(since))
}

// Transaction implements transaction.Store.
func (db *DB) Transaction(ctx context.Context, agent, id string) (transaction.Tx, error) {
	t, found, err := db.oneTx(ctx, `agent_id = $1 AND id = $2 AND status <> 'message'`, agent, id)
	if err == nil && !found {
		err = transaction.ErrNone
	}
	return t, err
}

func (db *DB) manyTx(ctx context.Context, where string, args ...any) (out []transaction.Tx, err error) {
	err = db.Each(ctx, `SELECT `+txColumns+` FROM transactions WHERE `+where, args, func(rows *sql.Rows) error {
		var r txRow
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		t, err := r.tx()
		out = append(out, t)
		return err
	})
	return out, err
}

// Transactions implements transaction.Store.
func (db *DB) Transactions(ctx context.Context, agent string, limit int) ([]transaction.Tx, error) {
	return db.manyTx(ctx, `agent_id = $1 AND status <> 'message' ORDER BY created_at DESC, id DESC LIMIT $2`, agent, limit)
}

// DueTransactions implements transaction.Store.
func (db *DB) DueTransactions(ctx context.Context, now time.Time, perChain int) (out []transaction.Tx, err error) {
	const due = `next_at IS NOT NULL AND next_at <= $1`
	var chains []int64
	err = db.Each(ctx, `SELECT DISTINCT chain_id FROM transactions WHERE `+due, []any{micros(now)}, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		chains = append(chains, id)
		return err
	})
	for _, id := range chains {
		var some []transaction.Tx
		if err == nil {
			some, err = db.manyTx(ctx, due+` AND chain_id = $2 ORDER BY next_at LIMIT $3`, micros(now), id, perChain)
		}
		out = append(out, some...)
	}
	return out, err
}

// OddTransactions are the ids of transactions whose signed bytes are not those of their hash.
func (db *DB) OddTransactions(ctx context.Context) (ids []string, err error) {
	err = db.EachAside(ctx, `SELECT id, raw, hash FROM transactions WHERE hash <> ''`, nil, func(rows *sql.Rows) error {
		var id, hash string
		var raw []byte
		err := rows.Scan(&id, &raw, &hash)
		if err == nil && evm.Keccak256(raw).String() != hash {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}

// notFrozen holds for transactions of agents that no freeze is over.
const notFrozen = `NOT EXISTS (SELECT 1 FROM freezes f WHERE f.org_id = transactions.org_id AND f.agent_id IN ('', transactions.agent_id))`

// SignedTransaction implements transaction.Store.
func (db *DB) SignedTransaction(ctx context.Context, t *transaction.Tx, ev *audit.Event) error {
	return db.Write(ctx, t.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE transactions SET status = $2, raw = $3, hash = $4, signed_at = $5, next_at = $6, offered = $7
			WHERE id = $1 AND status = 'pending' AND (by_human = 1 OR `+notFrozen+`)`,
			t.ID, string(t.Status), t.Raw, hashText(t.Hash), nullMicros(t.SignedAt), nullMicros(t.NextAt), number(t.Offered))
		if err == nil && n == 0 {
			return tx.Refuse(transaction.ErrOver)
		}
		if err == nil {
			err = tx.sameBytes(t)
		}
		tx.Record(ev)
		return err
	})
}

// SignedMessage implements transaction.Store.
func (db *DB) SignedMessage(ctx context.Context, t *transaction.Tx) error {
	return db.Write(ctx, t.Org, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM transactions WHERE id = $1 AND status = 'message' AND `+notFrozen, t.ID)
		if err == nil && n == 0 {
			err = tx.Refuse(transaction.ErrOver)
		}
		if err == nil { // who has it may use it at once, unseen
			_, err = tx.Exec(`INSERT INTO chain_recipients (agent_id, address, chain_id, org_id) SELECT agent_id, address, chain_id, org_id FROM tx_recipients
				WHERE tx_id = $1 ON CONFLICT (agent_id, address, chain_id) DO NOTHING`, t.ID)
		}
		return err
	})
}

// GiveBack implements transaction.Store.
func (db *DB) GiveBack(ctx context.Context, t *transaction.Tx, approval string, ev *audit.Event) error {
	return db.Write(ctx, t.Org, func(tx Tx) error {
		query, args := `DELETE FROM transactions WHERE id = $1 AND status = 'message'`, []any{t.ID}
		if t.Status != transaction.Unsigned {
			query, args = `UPDATE transactions SET status = 'failed', error_code = $2, error = $3, next_at = NULL, replay_key = ''
				WHERE id = $1 AND status = 'pending'`, append(args, t.ErrorCode, t.Error)
		}
		n, err := tx.Exec(query, args...)
		if err != nil || n == 0 {
			return err
		}
		if t.Status == transaction.Unsigned {
			err = tx.spendTakes(t, t.CreatedAt, t.Takes, false)
		} else if err = tx.release(t); err == nil {
			err = tx.freeNonce(t)
		}
		if err == nil && approval != "" {
			_, err = tx.Exec(`UPDATE approvals SET uses_left = uses_left + 1 WHERE id = $1 AND status = 'approved'`, approval)
		}
		tx.Record(ev)
		return err
	})
}

// DiscardTransaction implements transaction.Store. Its bytes go too.
func (db *DB) DiscardTransaction(ctx context.Context, t *transaction.Tx, may func(now *transaction.Agent) error, ev *audit.Event) error {
	return db.Write(ctx, t.Org, func(tx Tx) error {
		now, err := tx.txAgent(t.Agent, t.Org)
		if err == nil {
			err = may(&now)
		}
		if err != nil {
			return tx.Refuse(err)
		}
		n, err := tx.Exec(`UPDATE transactions SET status = 'failed', error_code = $2, error = $3, next_at = NULL, raw = $4, hash = '', offered = 1
			WHERE id = $1 AND status = 'signed' AND offered = 0`, t.ID, t.ErrorCode, t.Error, []byte{})
		if err == nil && n == 0 {
			return tx.Refuse(transaction.ErrMoving)
		}
		if err == nil {
			err = tx.release(t)
		}
		if err == nil {
			err = tx.freeNonce(t)
		}
		tx.Record(ev)
		return err
	})
}

// MoveTransaction implements transaction.Store. Its write is nobody's request.
func (db *DB) MoveTransaction(ctx context.Context, t *transaction.Tx, was time.Time, giveBack, freeNonce bool) (moved bool, err error) {
	err = db.Write(ctx, t.Org, func(tx Tx) error {
		moved = false
		n, err := tx.Exec(`UPDATE transactions SET status = $3, error_code = $4, error = $5, next_at = $6, attempts = $7, block_number = $8, block_hash = $9,
			gas_used = $10, gas_price = $11, mined = $12, mined_at = $13, offered = $14, waits_for = $15
			WHERE id = $1 AND next_at = $2`,
			t.ID, micros(was), string(t.Status), t.ErrorCode, t.Error, nullMicros(t.NextAt), t.Attempts, blockOf(&t.Receipt), hashText(t.Receipt.BlockHash),
			int64(t.Receipt.GasUsed), t.Receipt.GasPrice.Dec(), string(t.Receipt.Fate), nullMicros(t.Receipt.At), number(t.Offered), nullNonce(t.WaitsFor))
		if err != nil || n == 0 {
			return err
		}
		moved = true
		// Also what a reorganisation took out of a block again.
		_, err = tx.Exec(`UPDATE tx_recipients SET paid = $2 WHERE tx_id = $1 AND paid <> $2`, t.ID, number(t.Receipt.Fate == transaction.Success))
		if err == nil && giveBack {
			err = tx.release(t)
		}
		if err == nil && freeNonce {
			err = tx.freeNonce(t)
		}
		return err
	})
	return moved && err == nil, err
}
