package store

import (
	"context"
	"database/sql"
	"net/netip"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

const shareColumns = `id, handle, link_wrapped, link_sealed, org_id, vault_id, path, maker_type, maker_id, maker_human,
	maker_scopes, maker_ip, recipient_type, recipient_id, recipient_email, passphrase_hash, proof_hash, ip_allowlist,
	max_access_count, access_count, notified_count, notified_at, created_at, expires_at, accepted_at, declined_at, revoked_at, in_person`

// shareRow takes the columns of a share.
type shareRow struct {
	s                           sharing.Share
	maker, recipient            string
	scopes, ip, allowed         string
	notified, created, expires  int64
	person                      int64
	accepted, declined, revoked sql.NullInt64
}

func (r *shareRow) dest() []any {
	s := &r.s
	return []any{&s.ID, &s.Handle, &s.Link.WrappedDEK, &s.Link.Ciphertext, &s.Org, &s.Vault, &s.Path, &r.maker, &s.MakerID, &s.MakerHuman,
		&r.scopes, &r.ip, &r.recipient, &s.RecipientID, &s.Email, &s.PassphraseHash, &s.ProofHash, &r.allowed,
		&s.MaxAccess, &s.AccessCount, &s.NotifiedCount, &r.notified, &r.created, &r.expires, &r.accepted, &r.declined, &r.revoked, &r.person}
}

func (r *shareRow) share() (sharing.Share, error) {
	s := r.s
	s.MakerKind, s.Type, s.InPerson = policy.PrincipalKind(r.maker), sharing.RecipientType(r.recipient), r.person != 0
	s.NotifiedAt, s.CreatedAt, s.ExpiresAt = fromMicros(r.notified), fromMicros(r.created), fromMicros(r.expires)
	s.AcceptedAt, s.DeclinedAt, s.RevokedAt = fromNull(r.accepted), fromNull(r.declined), fromNull(r.revoked)
	var nets []string
	err := readList(r.scopes, &s.MakerScopes)
	if err == nil {
		err = readList(r.allowed, &nets)
	}
	if err == nil && r.ip != "" {
		s.MakerIP, err = netip.ParseAddr(r.ip)
	}
	for _, n := range nets {
		if err != nil {
			break
		}
		var p netip.Prefix
		p, err = netip.ParsePrefix(n)
		s.Allowed = append(s.Allowed, p)
	}
	return s, sqldb.Parsed(err)
}

// Place implements sharing.Store.
func (db *DB) Place(ctx context.Context, versionID string) (vaultID, path string, err error) {
	found, err := db.Row(ctx, `SELECT vault_id, path FROM secret_versions WHERE id = $1`, []any{versionID}, &vaultID, &path)
	if err == nil && !found {
		err = errNoSecret
	}
	return vaultID, path, err
}

// AddShare implements sharing.Store. The organisation's audit head is locked
// first, so no other node counts at the same time.
func (db *DB) AddShare(ctx context.Context, s sharing.Share, ev *audit.Event) (told sharing.Letters, err error) {
	allowed := make([]string, len(s.Allowed))
	for i, n := range s.Allowed {
		allowed[i] = n.String()
	}
	ip := ""
	if s.MakerIP.IsValid() {
		ip = s.MakerIP.String()
	}
	err = db.Write(ctx, s.Org, func(tx Tx) error {
		if err := tx.alive(s.Org, s.MakerID, s.MakerHuman); err != nil {
			return err
		}
		if err := tx.roomForShare(s.Org, s.CreatedAt); err != nil {
			return err
		}
		if s.Email != "" {
			if _, err := tx.Row(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN org_id = $3 THEN 1 ELSE 0 END), 0) FROM shares
				WHERE recipient_email = $1 AND created_at > $2`,
				[]any{s.Email, micros(s.CreatedAt.Add(-sharing.LetterWindow)), s.Org}, &told.All, &told.Own); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO shares (`+shareColumns+`, failed_count, locked_until)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0, 0, 0, $20, $21, NULL, NULL, NULL, $22, 0, 0)`,
			s.ID, s.Handle, orNone(s.Link.WrappedDEK), orNone(s.Link.Ciphertext), s.Org, s.Vault, s.Path, string(s.MakerKind), s.MakerID,
			s.MakerHuman, listText(s.MakerScopes), ip, string(s.Type), s.RecipientID, s.Email, s.PassphraseHash, s.ProofHash,
			listText(allowed), s.MaxAccess, micros(s.CreatedAt), micros(s.ExpiresAt), number(s.InPerson))
		// What ended long ago goes as new ones come. It was made before that, too:
		// the index then spares looking at all that are younger.
		if err == nil {
			_, err = tx.Sweep(`DELETE FROM shares WHERE org_id = $1 AND created_at < $2 AND (expires_at < $2 OR revoked_at < $2)`,
				s.Org, micros(s.CreatedAt.Add(-sharing.Keep)))
		}
		if err == nil {
			err = tx.made("shares", s.ID, ev)
		}
		tx.Record(ev)
		return err
	})
	return told, err
}

func orNone(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// roomForShare refuses one more share when PerWindow are younger than Window: it looks
// at the oldest of so many.
func (tx Tx) roomForShare(org string, at time.Time) error {
	var first int64
	found, err := tx.Row(`SELECT created_at FROM shares WHERE org_id = $1 AND created_at > $2 ORDER BY created_at DESC LIMIT 1 OFFSET $3`,
		[]any{org, micros(at.Add(-sharing.Window)), sharing.PerWindow - 1}, &first)
	if err != nil || !found {
		return err
	}
	return tx.Refuse(sharing.Crowded(fromMicros(first), at))
}

// Share implements sharing.Store.
func (db *DB) Share(ctx context.Context, id, hash string) (sharing.Share, error) {
	return db.share(ctx, `SELECT `+shareColumns+` FROM shares WHERE handle = $1 OR handle = $2`, id, hash)
}

// ShareRow implements sharing.Store.
func (db *DB) ShareRow(ctx context.Context, id, hash string) (sharing.Share, error) {
	return db.share(ctx, `SELECT `+shareColumns+` FROM shares WHERE id = $1 OR handle = $2`, id, hash)
}

func (db *DB) share(ctx context.Context, query string, args ...any) (sharing.Share, error) {
	var r shareRow
	found, err := db.Row(ctx, query, args, r.dest()...)
	if err == nil && !found {
		err = sharing.ErrNoShare
	}
	if err != nil {
		return sharing.Share{}, err
	}
	return r.share()
}

// SharesBy implements sharing.Store.
func (db *DB) SharesBy(ctx context.Context, org, maker string, limit int) ([]sharing.Share, error) {
	return db.shares(ctx, `SELECT `+shareColumns+` FROM shares WHERE org_id = $1 AND (maker_id = $2 OR maker_human = $2)
		AND revoked_at IS NULL ORDER BY created_at DESC, id LIMIT $3`, org, maker, limit)
}

// SharesOf implements sharing.Store.
func (db *DB) SharesOf(ctx context.Context, org, vaultID, path string, limit int) ([]sharing.Share, error) {
	return db.shares(ctx, `SELECT `+shareColumns+` FROM shares WHERE vault_id = $1 AND path = $2 AND org_id = $3 AND revoked_at IS NULL
		ORDER BY created_at DESC, id LIMIT $4`, vaultID, path, org, limit)
}

// SharesFor implements sharing.Store.
func (db *DB) SharesFor(ctx context.Context, org, recipient string, limit int) ([]sharing.Share, error) {
	return db.shares(ctx, `SELECT `+shareColumns+` FROM shares WHERE recipient_id = $1 AND (org_id = $2 OR recipient_type = $3)
		AND revoked_at IS NULL AND declined_at IS NULL ORDER BY created_at DESC, id LIMIT $4`, recipient, org, string(sharing.ToEmail), limit)
}

// SharedWith implements vault.Store.
func (db *DB) SharedWith(ctx context.Context, agent string, at time.Time) (map[string][]string, error) {
	out := map[string][]string{}
	err := db.Each(ctx, `SELECT DISTINCT vault_id, path FROM shares WHERE recipient_id = $1 AND recipient_type = $2 AND in_person = 1
		AND revoked_at IS NULL AND declined_at IS NULL AND expires_at > $3 AND (max_access_count = 0 OR access_count < max_access_count)`,
		[]any{agent, string(sharing.ToAgent), micros(at)}, func(rows *sql.Rows) error {
			var id, path string
			err := rows.Scan(&id, &path)
			out[id] = append(out[id], path)
			return err
		})
	return out, err
}

// Unnoticed implements sharing.Store.
func (db *DB) Unnoticed(ctx context.Context, since time.Time, limit int) ([]sharing.Read, error) {
	var out []sharing.Read
	err := db.Each(ctx, `SELECT `+shareColumns+`, COALESCE((SELECT name FROM vaults WHERE vaults.id = shares.vault_id), ''),
		COALESCE((SELECT name FROM agents WHERE agents.id = shares.recipient_id AND shares.recipient_type = 'agent'),
			(SELECT email FROM users WHERE users.id = shares.recipient_id AND shares.recipient_type <> 'agent'), '')
		FROM shares WHERE access_count > notified_count AND notified_at <= $1
		ORDER BY notified_at LIMIT $2`, []any{micros(since), limit}, func(rows *sql.Rows) error {
		var r shareRow
		var read sharing.Read
		err := rows.Scan(append(r.dest(), &read.VaultName, &read.RecipientName)...)
		if err == nil {
			read.Share, err = r.share()
		}
		out = append(out, read)
		return err
	})
	return out, err
}

func (db *DB) shares(ctx context.Context, query string, args ...any) ([]sharing.Share, error) {
	var out []sharing.Share
	err := db.Each(ctx, query, args, func(rows *sql.Rows) error {
		var r shareRow
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		s, err := r.share()
		out = append(out, s)
		return err
	})
	return out, err
}
