package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

var errNoJob = fault.New(fault.NotFound, "job_not_found", "This vault has no such job.")

const jobColumns = `id, org_id, vault_id, kind, status, old_fingerprint, new_fingerprint, to_gen, wrapped, sealed, switched,
	cursor_path, cursor_version, total, processed, unopened, damaged, error, holder, created_by, created_at, started_at, completed_at`

// jobRow holds the columns that need turning into fields.
type jobRow struct {
	vault.Job
	created            int64
	started, completed sql.NullInt64
}

func (r *jobRow) fields() []any {
	j := &r.Job
	return []any{&j.ID, &j.Org, &j.Vault, &j.Kind, &j.Status, &j.OldFingerprint, &j.NewFingerprint, &j.To,
		&j.Keys.WrappedDEK, &j.Keys.Ciphertext, &j.Switched, &j.CursorPath, &j.CursorVersion, &j.Total, &j.Processed,
		&j.Unopened, &j.Damaged, &j.Error, &j.Holder, &j.CreatedBy, &r.created, &r.started, &r.completed}
}

func (r *jobRow) job() vault.Job {
	r.CreatedAt, r.StartedAt, r.CompletedAt = fromMicros(r.created), fromNull(r.started), fromNull(r.completed)
	return r.Job
}

// underWay are the states of a job that somebody works on or should.
const underWay = `status IN ('` + string(vault.JobPending) + `', '` + string(vault.JobRunning) + `')`

// SetCMEK implements vault.JobStore.
func (db *DB) SetCMEK(ctx context.Context, org, vaultID, was, is string, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.noJob(vaultID); err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE vaults SET cmek_fingerprint = $3 WHERE id = $1 AND COALESCE(cmek_fingerprint, '') = $2`,
			vaultID, was, nullString(is))
		if err == nil && n == 0 {
			return tx.Refuse(tx.staleOrNoVault(vaultID))
		}
		tx.Record(ev)
		tx.Changed(org)
		return err
	})
}

func (tx Tx) noJob(vaultID string) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM vault_jobs WHERE vault_id = $1 AND `+underWay, []any{vaultID}, &one)
	if err == nil && found {
		return tx.Refuse(vault.ErrJobRunning)
	}
	return err
}

// CountVersions implements vault.JobStore.
func (db *DB) CountVersions(ctx context.Context, vaultID string, cmekOnly bool) (n int64, err error) {
	_, err = db.Row(ctx, `SELECT COUNT(*) FROM secret_versions WHERE vault_id = $1 AND cmek_encrypted >= $2`,
		[]any{vaultID, number(cmekOnly)}, &n)
	return n, err
}

// AddJob implements vault.JobStore. All writes of an organisation follow each
// other, so what is read here still holds at the commit.
func (db *DB) AddJob(ctx context.Context, j vault.Job, ev *audit.Event) (vault.Job, error) {
	err := db.Write(ctx, j.Org, func(tx Tx) error {
		if err := tx.noJob(j.Vault); err != nil {
			return err
		}
		var fingerprint string
		var gen, last int64
		found, err := tx.Row(`SELECT COALESCE(cmek_fingerprint, ''), kek_gen, (SELECT COALESCE(MAX(to_gen), 0) FROM vault_jobs WHERE vault_id = $1)
			FROM vaults WHERE id = $1`, []any{j.Vault}, &fingerprint, &gen, &last)
		if err == nil && !found {
			return tx.Refuse(errNoVault)
		}
		if err != nil {
			return err
		}
		if err := j.Begin(fingerprint, gen, last); err != nil {
			return tx.Refuse(err)
		}
		_, err = tx.Exec(`INSERT INTO vault_jobs (id, org_id, vault_id, kind, status, old_fingerprint, new_fingerprint, to_gen,
			wrapped, sealed, switched, cursor_path, cursor_version, total, processed, unopened, damaged, error, holder,
			lease_until, created_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '', 0, $11, 0, 0, 0, '', '', 0, $12, $13)`,
			j.ID, j.Org, j.Vault, string(j.Kind), string(j.Status), j.OldFingerprint, j.NewFingerprint, j.To,
			nullBytes(j.Keys.WrappedDEK), nullBytes(j.Keys.Ciphertext), j.Total, j.CreatedBy, micros(j.CreatedAt))
		if err == nil && j.Kind == vault.JobCMEK {
			_, err = tx.Exec(`UPDATE vaults SET cmek_fingerprint = $2 WHERE id = $1`, j.Vault, j.NewFingerprint)
		}
		if err == nil { // none of them is under way, and this one has the highest generation
			_, err = tx.Exec(`DELETE FROM vault_jobs WHERE vault_id = $1 AND kind = $2 AND status = 'completed' AND to_gen <= $3`,
				j.Vault, string(j.Kind), j.To-vault.KeptJobs)
		}
		tx.Record(ev)
		tx.Changed(j.Org)
		return err
	})
	return j, err
}

// Job implements vault.JobStore.
func (db *DB) Job(ctx context.Context, vaultID string, kind vault.JobKind, id string) (vault.Job, error) {
	return db.job(ctx, `WHERE vault_id = $1 AND kind = $2 AND id = $3`, vaultID, string(kind), id)
}

// LastJob implements vault.JobStore.
func (db *DB) LastJob(ctx context.Context, vaultID string, kind vault.JobKind) (vault.Job, error) {
	return db.job(ctx, `WHERE vault_id = $1 AND kind = $2 ORDER BY to_gen DESC LIMIT 1`, vaultID, string(kind))
}

func (db *DB) job(ctx context.Context, where string, args ...any) (vault.Job, error) {
	var r jobRow
	found, err := db.Row(ctx, `SELECT `+jobColumns+` FROM vault_jobs `+where, args, r.fields()...)
	if err == nil && !found {
		err = errNoJob
	}
	if err != nil {
		return vault.Job{}, err
	}
	return r.job(), nil
}

// ClaimJob implements vault.JobStore. The condition stands twice: where two nodes
// chose the same row, the one that comes second finds it moved. On SQLite this
// process is the only one, so the lease of another holder is of one that died.
func (db *DB) ClaimJob(ctx context.Context, holder string, now, until time.Time) (j vault.Job, found bool, err error) {
	free := underWay + ` AND lease_until <= $2`
	if !db.Postgres() {
		free = underWay + ` AND (lease_until <= $2 OR holder <> $1)`
	}
	// To look costs less than to write, and there is hardly ever a job.
	var one int
	if found, err = db.Row(ctx, `SELECT 1 FROM vault_jobs WHERE `+underWay+` LIMIT 1`, nil, &one); err != nil || !found {
		return j, false, err
	}
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		var r jobRow
		var err error
		tx.Wrote()
		found, err = tx.Row(`UPDATE vault_jobs SET holder = $1, status = 'running', started_at = COALESCE(started_at, $2), lease_until = $3
			WHERE `+free+` AND id = (SELECT id FROM vault_jobs WHERE `+free+` ORDER BY lease_until, id LIMIT 1)
			RETURNING `+jobColumns, []any{holder, micros(now), micros(until)}, r.fields()...)
		j = r.job()
		return err
	})
	return j, found && err == nil, err
}

// ReleaseJob implements vault.JobStore.
func (db *DB) ReleaseJob(ctx context.Context, j vault.Job, from time.Time) error {
	return db.Write(ctx, j.Org, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE vault_jobs SET lease_until = $3 WHERE id = $1 AND holder = $2 AND `+underWay, j.ID, j.Holder, micros(from))
		return err
	})
}

// Remaining implements vault.JobStore.
func (db *DB) Remaining(ctx context.Context, j vault.Job, limit int) ([]vault.Version, error) {
	var out []vault.Version
	err := db.Each(ctx, `SELECT path, version, wrapped_dek, cmek_encrypted, kek_gen FROM secret_versions
		WHERE vault_id = $1 AND (path, version) > ($2, $3) AND kek_gen < $4 ORDER BY path, version LIMIT $5`,
		[]any{j.Vault, j.CursorPath, int64(j.CursorVersion), j.To, limit}, func(rows *sql.Rows) error {
			v := vault.Version{Vault: j.Vault}
			err := rows.Scan(&v.Path, &v.Meta.Version, &v.Box.WrappedDEK, &v.CMEK, &v.KEKGen)
			out = append(out, v)
			return err
		})
	return out, err
}

// WrittenSince implements vault.JobStore.
func (db *DB) WrittenSince(ctx context.Context, j vault.Job, since time.Time, path string, version uint64, limit int) ([]vault.Version, error) {
	var out []vault.Version
	err := db.Each(ctx, `SELECT path, version, kek_gen FROM secret_versions
		WHERE vault_id = $1 AND (path, version) > ($2, $3) AND kek_gen = $4 AND cmek_encrypted = 1 AND created_at >= $5
		ORDER BY path, version LIMIT $6`,
		[]any{j.Vault, path, int64(version), j.To, micros(since), limit}, func(rows *sql.Rows) error {
			v := vault.Version{Vault: j.Vault, CMEK: true}
			err := rows.Scan(&v.Path, &v.Meta.Version, &v.KEKGen)
			out = append(out, v)
			return err
		})
	return out, err
}

// PruneJobs implements vault.JobStore.
func (db *DB) PruneJobs(ctx context.Context, before time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Sweep(`DELETE FROM vault_jobs WHERE completed_at < $1 AND NOT (`+underWay+`)
			AND EXISTS (SELECT 1 FROM vaults v WHERE v.id = vault_jobs.vault_id AND v.kek_gen >= vault_jobs.to_gen)
			AND (status = 'completed' OR EXISTS (SELECT 1 FROM vault_jobs l
				WHERE l.vault_id = vault_jobs.vault_id AND l.kind = vault_jobs.kind AND l.to_gen > vault_jobs.to_gen))`, micros(before))
		return err
	})
}

// OldestKEK implements vault.JobStore.
func (db *DB) OldestKEK(ctx context.Context, vaultID string, otherwise int64) (gen int64, err error) {
	_, err = db.Row(ctx, `SELECT COALESCE(MIN(kek_gen), $2) FROM secret_versions WHERE vault_id = $1`, []any{vaultID, otherwise}, &gen)
	return gen, err
}

// mine is the condition of every statement that works on a job: it must come
// behind the arguments id and holder.
const mine = ` WHERE id = $1 AND holder = $2 AND status = 'running'`

// Rewrite implements vault.JobStore.
func (db *DB) Rewrite(ctx context.Context, j vault.Job, rows []vault.Rewritten, p vault.Progress, until time.Time) error {
	return db.Write(ctx, j.Org, func(tx Tx) error {
		all := []commit.Stmt{stmt(`UPDATE vault_jobs SET cursor_path = $3, cursor_version = $4, processed = processed + $5, unopened = unopened + $6,
			damaged = damaged + $7, lease_until = $8`+mine,
			j.ID, j.Holder, p.CursorPath, int64(p.CursorVersion), p.Processed, p.Unopened, p.Damaged, micros(until))}
		for i := range rows {
			all = append(all, rewriteRow(&j, &rows[i]))
			tx.forget(j.Vault, rows[i].Path)
		}
		return tx.RunTogether(func(n int64) error {
			if n == 0 {
				return vault.ErrJobLost
			}
			return nil
		}, all...)
	})
}

// rewriteRow changes a row that still has the generation that it was read with.
// A generation is used once, so the row is then the same.
func rewriteRow(j *vault.Job, r *vault.Rewritten) commit.Stmt {
	const rest = ` WHERE vault_id = $1 AND path = $2 AND version = $3 AND kek_gen = $4
		AND EXISTS (SELECT 1 FROM vault_jobs WHERE id = $5 AND holder = $6 AND status = 'running')`
	args := []any{j.Vault, r.Path, int64(r.Version), r.From, j.ID, j.Holder, j.To, r.Box.WrappedDEK}
	if r.Box.Ciphertext == nil {
		return stmt(`UPDATE secret_versions SET kek_gen = $7, wrapped_dek = $8`+rest, args...)
	}
	return stmt(`UPDATE secret_versions SET kek_gen = $7, wrapped_dek = $8, ciphertext = $9`+rest, append(args, r.Box.Ciphertext)...)
}

// SwitchKEK implements vault.JobStore.
func (db *DB) SwitchKEK(ctx context.Context, j vault.Job) error {
	return db.Write(ctx, j.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE vault_jobs SET switched = 1, cursor_path = '', cursor_version = 0`+mine, j.ID, j.Holder)
		if err == nil && n == 0 {
			return tx.Refuse(vault.ErrJobLost)
		}
		if err == nil {
			n, err = tx.Exec(`UPDATE vaults SET kek_gen = $2 WHERE id = $1 AND kek_gen < $2`, j.Vault, j.To)
		}
		if err == nil && n == 0 {
			return errors.New("a vault with a job has no row, or a later key already")
		}
		tx.Changed(j.Org)
		return err
	})
}

// EndJob implements vault.JobStore.
func (db *DB) EndJob(ctx context.Context, j vault.Job, oldest int64, ev *audit.Event) error {
	return db.Write(ctx, j.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE vault_jobs SET status = $3, error = $4, completed_at = $5, wrapped = NULL, sealed = NULL,
			lease_until = 0, total = processed + damaged`+mine, j.ID, j.Holder, string(j.Status), j.Error, micros(j.CompletedAt))
		if err == nil && n == 0 {
			return tx.Refuse(vault.ErrJobLost)
		}
		var from int64
		if err == nil {
			_, err = tx.Row(`SELECT kek_oldest FROM vaults WHERE id = $1`, []any{j.Vault}, &from)
		}
		if err == nil {
			err = tx.destroyLater(db.Now(), j.Dooms(from, oldest)...)
		}
		if err == nil {
			_, err = tx.Exec(`UPDATE vaults SET kek_oldest = $2 WHERE id = $1 AND kek_oldest < $2`, j.Vault, oldest)
		}
		tx.Record(ev)
		return err
	})
}

// destroyLater schedules keys for destruction in the keystore.
func (tx Tx) destroyLater(now time.Time, ids ...string) error {
	for _, id := range ids {
		if _, err := tx.Exec(`INSERT INTO doomed_keys (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, id, micros(now)); err != nil {
			return err
		}
	}
	return nil
}

// destroyVaultLater schedules all keys of a vault that goes for destruction: those of
// its generations, and those of a job that is under way.
func (tx Tx) destroyVaultLater(now time.Time, vaultID string, from, to int64) error {
	var last int64
	if _, err := tx.Row(`SELECT COALESCE(MAX(to_gen), 0) FROM vault_jobs WHERE vault_id = $1`, []any{vaultID}, &last); err != nil {
		return err
	}
	ids := vault.KEKs(vaultID, from, max(to, last))
	var job vault.Job
	found, err := tx.Row(`SELECT id FROM vault_jobs WHERE vault_id = $1 AND kind = 'cmek' AND `+underWay, []any{vaultID}, &job.ID)
	if err != nil {
		return err
	}
	if found { // there is one at most
		ids = append(ids, job.KEK())
	}
	return tx.destroyLater(now, ids...)
}

// nullBytes is NULL for none.
func nullBytes(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}
