// Package house is a database for tests that has a row with bytes in every table
// that may have one, with its keystore.
package house

import (
	"database/sql"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/ops/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/placekey"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
)

// House is a database that has a row with bytes in every table that may.
type House struct {
	SQL         *sql.DB
	DB          *store.DB
	Keys        keystore.KeyStore
	Dir, KeyDir string
	DSN         string // of PostgreSQL; empty on SQLite

	t   *testing.T
	org string
	pg  bool
}

// New makes the database, on PostgreSQL or on SQLite, and a software keystore.
func New(t *testing.T, pg bool) *House {
	t.Helper()
	h := &House{t: t, org: ids.New(), pg: pg, KeyDir: t.TempDir()}
	cfg, driver, dsn := store.Config{Dir: ready.Dir(t)}, "sqlite", ""
	if dsn = cfg.Dir + "/" + sqldb.File + "?_pragma=busy_timeout(5000)"; pg {
		dsn = ready.DSN(t)
		cfg, driver, h.DSN = store.Config{PostgresDSN: dsn}, "pgx", dsn
	}
	h.Dir = cfg.Dir
	var err error
	if h.DB, err = store.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.DB.Close() })
	if h.SQL, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.SQL.Close() })
	if h.Keys, err = soft.Open(t.Context(), soft.Config{Dir: h.KeyDir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Keys.Close() })
	return h
}

// box seals something under a key that it makes when it is not there.
func (h *House) box(kek string, at seal.Ref) seal.Box {
	h.t.Helper()
	_ = h.Keys.CreateKEK(h.t.Context(), kek)
	b, err := seal.New(h.Keys).Seal(h.t.Context(), kek, at, secret.FromString("a value"))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// Columns are the columns of all tables with their types.
func (h *House) Columns() map[string]map[string]string {
	h.t.Helper()
	query := `SELECT t.name, c.name, c.type FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%'`
	if h.pg {
		query = `SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%'`
	}
	rows, err := h.SQL.QueryContext(h.t.Context(), query)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]map[string]string{}
	for rows.Next() {
		var table, column, kind string
		if err := rows.Scan(&table, &column, &kind); err != nil {
			h.t.Fatal(err)
		}
		if out[table] == nil {
			out[table] = map[string]string{}
		}
		out[table][column] = strings.ToLower(kind)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return out
}

// insert adds a row: what values does not name is empty.
func (h *House) insert(table string, values map[string]any) {
	h.t.Helper()
	var names, places []string
	var args []any
	for column, kind := range h.Columns()[table] {
		v, ok := values[column]
		switch {
		case ok:
		case kind == "bigint":
			v = int64(0)
		case kind == "blob" || kind == "bytea":
			v = []byte{}
		default:
			v = ""
		}
		names, args = append(names, column), append(args, v)
		places = append(places, "$"+string(rune('0'+len(args)/10))+string(rune('0'+len(args)%10)))
	}
	for i, p := range places {
		places[i] = "$" + strings.TrimLeft(p[1:], "0")
	}
	if _, err := h.SQL.ExecContext(h.t.Context(), `INSERT INTO `+table+` (`+strings.Join(names, ",")+`) VALUES (`+strings.Join(places, ",")+`)`, args...); err != nil {
		h.t.Fatalf("%s: %v", table, err)
	}
}

// Fill puts a row into every table with bytes, and says what names each when it is
// damaged.
func (h *House) Fill() map[string]string {
	t := h.t
	v, version, user, post, share, hook, told, job := ids.New(), ids.New(), ids.New(), ids.New(), ids.New(), ids.New(), ids.New(), ids.New()
	h.insert("vaults", map[string]any{"id": v, "org_id": h.org, "name": "v", "cmek_fingerprint": nil})
	for n := range 3 {
		b := h.box("vault:"+v, seal.Ref{Org: h.org, Vault: v, Path: "a/b", Version: uint64(n + 1)})
		id := ids.New()
		if n == 1 {
			id = version
		}
		if n == 2 {
			h.insert("secrets", map[string]any{"vault_id": v, "path": "a/b", "version": n + 1, "version_id": id, "metadata": "{}", "expires_at": nil, "deleted_at": nil})
		}
		h.insert("secret_versions", map[string]any{"vault_id": v, "path": "a/b", "version": n + 1, "id": id,
			"wrapped_dek": b.WrappedDEK, "ciphertext": b.Ciphertext, "metadata": "{}", "rotation_policy": "{}", "expires_at": nil, "deleted_at": nil})
	}
	put := func(table, wrapped, sealed string, kek string, at seal.Ref, more map[string]any) {
		b := h.box(kek, at)
		more[wrapped], more[sealed] = b.WrappedDEK, b.Ciphertext
		h.insert(table, more)
	}
	kek, at := account.SealOfTOTP(user)
	put("user_totp", "wrapped", "sealed", kek, at, map[string]any{"user_id": user})
	kek, at = mail.SealOf(post)
	put("mail_queue", "wrapped", "sealed", kek, at, map[string]any{"id": post})
	kek, at = sharing.SealOfLink(h.org, v, share)
	put("shares", "link_wrapped", "link_sealed", kek, at, map[string]any{"id": share, "handle": share, "org_id": h.org, "vault_id": v, "recipient_type": "anyone_with_link", "maker_scopes": "[]", "ip_allowlist": "[]"})
	kek, at = approval.SealOfWebhook(h.org, hook)
	put("approval_webhooks", "wrapped", "sealed", kek, at, map[string]any{"org_id": h.org, "id": hook})
	kek, at = webhook.SealOf(h.org, told)
	put("webhooks", "wrapped", "sealed", kek, at, map[string]any{"org_id": h.org, "id": told, "events": "*"})
	text := ids.New()
	kek, at = flagged.SealOf(h.org, text)
	put("flagged_texts", "wrapped", "sealed", kek, at, map[string]any{"activity_id": text, "org_id": h.org, "kinds": "[]"})
	kek, at = placekey.SealOf(h.org)
	put("place_keys", "wrapped", "sealed", kek, at, map[string]any{"org_id": h.org})
	tx, raw := ids.New(), []byte("the bytes of a transaction")
	h.insert("transactions", map[string]any{"id": tx, "org_id": h.org, "takes": "[]", "raw": raw, "hash": evm.Keccak256(raw).String(), "next_at": nil})
	kek, at = vault.SealOfJob(h.org, v, job)
	put("vault_jobs", "wrapped", "sealed", kek, at, map[string]any{"id": job, "org_id": h.org, "vault_id": v})

	if err := h.Keys.CreateSigner(t.Context(), keyring.FirstAudit); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ev := &audit.Event{ID: ids.New(), Org: h.org, At: time.Now(), Action: "secret.read"}
		if err := h.DB.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	log := &audit.Log{Store: h.DB, Keys: h.Keys, Newest: keyring.AuditIDs(h.Keys), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	if err := log.Checkpoint(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"secret_versions": "vault " + v + `, path "a/b", version`, "user_totp": "second factor of user " + user, "mail_queue": "queued mail " + post,
		"shares": "link of share " + share, "approval_webhooks": "webhook " + hook, "webhooks": "event webhook " + told, "vault_jobs": "job " + job,
		"transactions": "transaction " + tx, "flagged_texts": "flagged text of request " + text, "place_keys": "key of placeholders of organisation " + h.org,
		"audit_heads": "log of organisation " + h.org, "audit_events": "log of organisation " + h.org, "audit_checkpoints": "log of organisation " + h.org,
	}
}

// Found is all that the operator's full check says.
func (h *House) Found() string {
	h.t.Helper()
	in, err := inspect.Database(h.t.Context(), h.DB, h.Keys, datadir.Anchor{Dir: h.KeyDir}, true, time.Now, func(string, int64) {})
	if err != nil {
		h.t.Fatal(err)
	}
	problems := slices.Concat(in.Problems, in.Altered)
	if (in.Err() == nil) != (len(problems) == 0 && in.Opening.Damaged+in.Opening.Keyless == 0) {
		h.t.Errorf("%v does not say what was found: %v", in.Err(), problems)
	}
	return strings.Join(append(problems, in.Opening.Lines()...), "\n")
}
