package store

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// findQuery is listQuery for paths up to $7 that have a text in them. Paths are ASCII, so
// LOWER means the same on both databases.
const findQuery = `SELECT version_id, path, type, version, metadata, created_at, expires_at FROM secrets
	WHERE vault_id = $1 AND path > $2 AND path >= $3 AND path < $4 AND deleted_at IS NULL
	AND path <= $7 AND LOWER(path) LIKE $6 ESCAPE '!' ORDER BY path LIMIT $5`

// stretchQuery is the last path that one statement looks at.
const stretchQuery = `SELECT path FROM secrets WHERE vault_id = $1 AND path > $2 AND path >= $3 AND path < $4
	ORDER BY path LIMIT 1 OFFSET $5`

// Find implements vault.Store.
func (db *DB) Find(ctx context.Context, vaultID string, s vault.Search, after string, limit int) (rows []*vault.Meta, next string, err error) {
	if strings.ContainsFunc(s.Text, notOfPath) {
		return nil, "", nil
	}
	args := []any{vaultID, after, s.Prefix, s.Prefix + "\x7f"}
	if _, err := db.Row(ctx, stretchQuery, append(args[:4:4], vault.Stretch-1), &next); err != nil {
		return nil, "", err
	}
	last := next
	if last == "" {
		last = s.Prefix + "\x7f"
	}
	like := "%" + strings.ReplaceAll(strings.ToLower(s.Text), "_", "!_") + "%"
	p, err := db.page(ctx, findQuery, append(args, limit, like, last), limit)
	if err == nil && p.more {
		next = p.rows[len(p.rows)-1].Path
	}
	return p.rows, next, err
}

// notOfPath reports whether no path has the character.
func notOfPath(c rune) bool {
	return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '/'
}
