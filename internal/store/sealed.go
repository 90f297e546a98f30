package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// SealedKind says what was sealed, beside the values of secrets.
type SealedKind string

// The kinds.
const (
	SealedTOTP    SealedKind = "second factor of user"
	SealedMail    SealedKind = "queued mail"
	SealedLink    SealedKind = "link of share"
	SealedWebhook SealedKind = "signing secret of webhook"
	SealedHook    SealedKind = "signing secret of event webhook"
	SealedJob     SealedKind = "client keys of job"
	SealedText    SealedKind = "flagged text of request"
	SealedPlace   SealedKind = "key of placeholders of organisation"
)

// Sealed is one of them.
type Sealed struct {
	Kind           SealedKind
	ID, Org, Vault string
	Box            seal.Box
}

// sealedIn is where each kind is kept: id, organisation, vault and the two halves,
// of rows after $1 in the order of the id.
var sealedIn = []struct {
	kind  SealedKind
	query string
}{
	{SealedTOTP, `SELECT user_id, '', '', wrapped, sealed FROM user_totp WHERE user_id > $1 ORDER BY user_id LIMIT $2`},
	{SealedMail, `SELECT id, '', '', wrapped, sealed FROM mail_queue WHERE id > $1 ORDER BY id LIMIT $2`},
	{SealedLink, `SELECT id, org_id, vault_id, link_wrapped, link_sealed FROM shares WHERE id > $1 AND recipient_type = 'anyone_with_link' ORDER BY id LIMIT $2`},
	{SealedWebhook, `SELECT id, org_id, '', wrapped, sealed FROM approval_webhooks WHERE id > $1 ORDER BY id LIMIT $2`},
	{SealedHook, `SELECT id, org_id, '', wrapped, sealed FROM webhooks WHERE id > $1 ORDER BY id LIMIT $2`},
	{SealedJob, `SELECT id, org_id, vault_id, wrapped, sealed FROM vault_jobs WHERE id > $1 AND sealed IS NOT NULL ORDER BY id LIMIT $2`},
	{SealedText, `SELECT activity_id, org_id, '', wrapped, sealed FROM flagged_texts WHERE activity_id > $1 ORDER BY activity_id LIMIT $2`},
	{SealedPlace, `SELECT org_id, org_id, '', wrapped, sealed FROM place_keys WHERE org_id > $1 ORDER BY org_id LIMIT $2`},
}

const sealedPage = 100

// EachSealed feeds everything that is sealed, and is no version of a secret, to fn.
// It holds no connection while fn runs. It is for the operator: it reads everybody's.
func (db *DB) EachSealed(ctx context.Context, fn func(Sealed) error) error {
	for _, in := range sealedIn {
		for after := ""; ; {
			var page []Sealed
			err := db.EachAside(ctx, in.query, []any{after, sealedPage}, func(rows *sql.Rows) error {
				s := Sealed{Kind: in.kind}
				err := rows.Scan(&s.ID, &s.Org, &s.Vault, &s.Box.WrappedDEK, &s.Box.Ciphertext)
				page = append(page, s)
				return err
			})
			if err != nil {
				return err
			}
			for _, s := range page {
				if err := fn(s); err != nil {
					return err
				}
				after = s.ID
			}
			if len(page) < sealedPage {
				break
			}
		}
	}
	return nil
}

// VersionName names a version within its vault.
type VersionName struct {
	Path    string
	Version uint64
}

// VersionNames returns the next versions of a vault, deleted ones too, after the
// given one. No versions: it was the last.
func (db *DB) VersionNames(ctx context.Context, vault string, after VersionName, limit int) ([]VersionName, error) {
	var out []VersionName
	err := db.EachAside(ctx, `SELECT path, version FROM secret_versions WHERE vault_id = $1 AND (path, version) > ($2, $3) ORDER BY path, version LIMIT $4`,
		[]any{vault, after.Path, int64(after.Version), limit}, func(rows *sql.Rows) error {
			var v VersionName
			err := rows.Scan(&v.Path, &v.Version)
			out = append(out, v)
			return err
		})
	return out, err
}
