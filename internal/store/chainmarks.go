package store

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// ChainMark implements intents.Marks.
func (db *DB) ChainMark(ctx context.Context, number int64) (m intents.Mark, known bool, err error) {
	var genesis, hash string
	var height int64
	known, err = db.Row(ctx, `SELECT genesis, height, hash FROM chain_marks WHERE chain_id = $1`, []any{number}, &genesis, &height, &hash)
	if err != nil || !known {
		return m, false, err
	}
	m.Height = uint64(height)
	if m.Genesis, err = evm.ParseHash(genesis); err == nil && hash != "" {
		m.Hash, err = evm.ParseHash(hash)
	}
	if err != nil {
		err = sqldb.Parsed(err)
	}
	return m, err == nil, err
}

// KeepMark implements intents.Marks. Its write is nobody's request.
func (db *DB) KeepMark(ctx context.Context, number int64, m intents.Mark) error {
	return db.Write(context.WithoutCancel(ctx), audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`INSERT INTO chain_marks (chain_id, genesis, height, hash) VALUES ($1, $2, $3, $4)
			ON CONFLICT (chain_id) DO UPDATE SET height = excluded.height, hash = excluded.hash
			WHERE chain_marks.genesis = excluded.genesis AND chain_marks.height < excluded.height`, number, m.Genesis.String(), int64(m.Height), hashText(m.Hash))
		return err
	})
}

// RestartChain implements intents.Marks. Transactions of all organisations are on the chain.
func (db *DB) RestartChain(ctx context.Context, org string, number int64, m intents.Mark, ev *audit.Event) (ended int, err error) {
	err = db.Write(ctx, org, func(tx Tx) error {
		if err := tx.holdPlatform(); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO chain_marks (chain_id, genesis, height, hash) VALUES ($1, $2, $3, $4)
			ON CONFLICT (chain_id) DO UPDATE SET genesis = excluded.genesis, height = excluded.height, hash = excluded.hash`,
			number, m.Genesis.String(), int64(m.Height), hashText(m.Hash)); err != nil {
			return err
		}
		for _, forget := range []string{`DELETE FROM nonces WHERE chain_id = $1`, `DELETE FROM free_nonces WHERE chain_id = $1`} {
			if _, err := tx.Exec(forget, number); err != nil {
				return err
			}
		}
		n, err := tx.Exec(`UPDATE transactions SET status = 'failed', error_code = 'chain_restarted', error = $2, waits_for = NULL,
			replay_key = CASE WHEN status = 'pending' THEN '' ELSE replay_key END
			WHERE chain_id = $1 AND gone = 0 AND mined = '' AND status IN ('pending', 'signed', 'broadcast', 'sign_only')`, number,
			"The chain was started anew before it came into a block. It is not sent on the new one.")
		if err == nil {
			_, err = tx.Exec(`UPDATE transactions SET gone = 1, next_at = NULL WHERE chain_id = $1 AND gone = 0 AND status <> 'message'`, number)
		}
		ended = int(n)
		ev.Details.More = append(ev.Details.More, audit.Number("ended", uint64(n)))
		tx.Record(ev)
		return err
	})
	return ended, err
}
