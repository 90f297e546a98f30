package app

import (
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// sealedHouse is a database that has a row with bytes in every table that may.
type sealedHouse struct {
	t    *testing.T
	sql  *sql.DB
	db   *store.DB
	keys keystore.KeyStore
	org  string
	pg   bool

	dir, keyDir string
}

func newSealedHouse(t *testing.T, pg bool) *sealedHouse {
	t.Helper()
	cfg, driver, dsn := store.Config{Dir: t.TempDir()}, "sqlite", ""
	if dsn = cfg.Dir + "/" + sqldb.File + "?_pragma=busy_timeout(5000)"; pg {
		dsn = pgtest.Shared(t).DSN(t)
		cfg, driver = store.Config{PostgresDSN: dsn}, "pgx"
	}
	h := &sealedHouse{t: t, org: uuid.NewString(), pg: pg, keyDir: t.TempDir()}
	h.dir = cfg.Dir
	var err error
	if h.db, err = store.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.db.Close() })
	if h.sql, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.sql.Close() })
	if h.keys, err = soft.Open(t.Context(), soft.Config{Dir: h.keyDir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.keys.Close() })
	return h
}

// box seals something under a key that it makes when it is not there.
func (h *sealedHouse) box(kek string, at seal.Ref) seal.Box {
	h.t.Helper()
	_ = h.keys.CreateKEK(h.t.Context(), kek)
	b, err := seal.New(h.keys).Seal(h.t.Context(), kek, at, secret.FromString("a value"))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// columns are the columns of all tables with their types.
func (h *sealedHouse) columns() map[string]map[string]string {
	h.t.Helper()
	query := `SELECT t.name, c.name, c.type FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%'`
	if h.pg {
		query = `SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%'`
	}
	rows, err := h.sql.QueryContext(h.t.Context(), query)
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
func (h *sealedHouse) insert(table string, values map[string]any) {
	h.t.Helper()
	var names, places []string
	var args []any
	for column, kind := range h.columns()[table] {
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
	if _, err := h.sql.ExecContext(h.t.Context(), `INSERT INTO `+table+` (`+strings.Join(names, ",")+`) VALUES (`+strings.Join(places, ",")+`)`, args...); err != nil {
		h.t.Fatalf("%s: %v", table, err)
	}
}

// fill puts a row into every table with bytes, and says what names each when it is
// damaged.
func (h *sealedHouse) fill() map[string]string {
	t := h.t
	v, version, user, post, share, hook, job := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	h.insert("vaults", map[string]any{"id": v, "org_id": h.org, "name": "v", "cmek_fingerprint": nil})
	for n := range 3 {
		b := h.box("vault:"+v, seal.Ref{Org: h.org, Vault: v, Path: "a/b", Version: uint64(n + 1)})
		id := uuid.NewString()
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
	kek, at := identity.SealOfTOTP(user)
	put("user_totp", "wrapped", "sealed", kek, at, map[string]any{"user_id": user})
	kek, at = mail.SealOf(post)
	put("mail_queue", "wrapped", "sealed", kek, at, map[string]any{"id": post})
	kek, at = sharing.SealOfLink(h.org, v, share)
	put("shares", "link_wrapped", "link_sealed", kek, at, map[string]any{"id": share, "handle": share, "org_id": h.org, "vault_id": v, "recipient_type": "anyone_with_link"})
	kek, at = approval.SealOfWebhook(h.org, hook)
	put("approval_webhooks", "wrapped", "sealed", kek, at, map[string]any{"org_id": h.org, "id": hook})
	kek, at = vault.SealOfJob(h.org, v, job)
	put("vault_jobs", "wrapped", "sealed", kek, at, map[string]any{"id": job, "org_id": h.org, "vault_id": v})

	if err := h.keys.CreateSigner(t.Context(), firstAuditKey); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ev := &audit.Event{ID: uuid.NewString(), Org: h.org, At: now(), Action: "secret.read"}
		if err := h.db.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	log := &audit.Log{Store: h.db, Keys: h.keys, Newest: auditKeyIDs(h.keys), Now: now, Log: slog.New(slog.DiscardHandler)}
	if err := log.Checkpoint(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"secret_versions": "vault " + v + `, path "a/b", version`, "user_totp": "second factor of user " + user, "mail_queue": "queued mail " + post,
		"shares": "link of share " + share, "approval_webhooks": "webhook " + hook, "vault_jobs": "job " + job,
		"audit_heads": "log of organisation " + h.org, "audit_events": "log of organisation " + h.org, "audit_checkpoints": "log of organisation " + h.org,
	}
}

// unknowable are columns that nothing else in the database says anything about.
var unknowable = map[string]string{
	"payments.id":       "a hash of what the network takes once: another value is another payment",
	"payments.resource": "a hash of a request, which is not kept",
}

// found is all that the operator's full check says.
func (h *sealedHouse) found() string {
	h.t.Helper()
	in, err := inspect(h.t.Context(), h.db, h.keys, true, func(string, int64) {})
	if err != nil {
		h.t.Fatal(err)
	}
	if (in.err() == nil) != (len(in.problems) == 0 && in.opening.damaged == 0) {
		h.t.Errorf("%v does not say what was found: %v", in.err(), in.problems)
	}
	return strings.Join(append(slices.Clone(in.problems), in.opening.lines()...), "\n")
}

// TestAFlippedBitOfAnyStoredBytesIsNamed goes over every column of bytes that the
// schema has.
func TestAFlippedBitOfAnyStoredBytesIsNamed(t *testing.T) {
	for _, pg := range []bool{false, true} {
		t.Run(map[bool]string{false: "sqlite", true: "postgres"}[pg], func(t *testing.T) {
			h := newSealedHouse(t, pg)
			names := h.fill()
			if all := h.found(); all != "" {
				t.Fatalf("before: %s", all)
			}
			tried := 0
			for table, columns := range h.columns() {
				for column, kind := range columns {
					if kind != "blob" && kind != "bytea" || unknowable[table+"."+column] != "" {
						continue
					}
					tried++
					h.flip(table, column, names[table])
				}
			}
			if tried < 16 {
				t.Errorf("%d columns of bytes, want at least 16", tried)
			}
			if all := h.found(); all != "" {
				t.Errorf("after: %s", all)
			}
		})
	}
}

// flip alters one bit of each row's value in a column, one row at a time.
func (h *sealedHouse) flip(table, column, name string) {
	t := h.t
	t.Helper()
	rows, err := h.sql.QueryContext(t.Context(), `SELECT `+column+` FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var values [][]byte
	for rows.Next() {
		var v []byte
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	if len(values) == 0 || name == "" {
		t.Errorf("%s.%s: the test fills no row of it, or does not know what names it", table, column)
	}
	for _, v := range values {
		bad := slices.Clone(v)
		bad[len(bad)/2] ^= 0x10
		h.set(table, column, v, bad)
		if all := h.found(); !strings.Contains(all, name) || name == "" {
			t.Errorf("%s.%s is altered, and what is found is: %q, want %q", table, column, all, name)
		}
		h.set(table, column, bad, v)
	}
}

func (h *sealedHouse) set(table, column string, from, to []byte) {
	h.t.Helper()
	r, err := h.sql.ExecContext(h.t.Context(), `UPDATE `+table+` SET `+column+` = $1 WHERE `+column+` = $2`, to, from)
	if err != nil {
		h.t.Fatal(err)
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		h.t.Fatalf("%d rows, %v", n, err)
	}
}

func TestALostKeyIsNamed(t *testing.T) {
	h := newSealedHouse(t, false)
	names := h.fill()
	if err := h.keys.DestroyKEK(t.Context(), "shares"); err != nil {
		t.Fatal(err)
	}
	if all := h.found(); !strings.Contains(all, names["shares"]+": "+seal.CodeKeyLost) {
		t.Errorf("the key of links is lost: %q", all)
	}
}

// TestLostRowsOfSecretsAreNamed: neither table of secrets may lose a row unseen. Those of
// vaults that are gone are no loss.
func TestLostRowsOfSecretsAreNamed(t *testing.T) {
	for _, pg := range []bool{false, true} {
		for _, harm := range []string{`DELETE FROM secrets`, `UPDATE secrets SET version_id = 'other'`, `DELETE FROM secret_versions WHERE version = 3`} {
			h := newSealedHouse(t, pg)
			h.fill()
			if all := h.found(); all != "" {
				t.Fatalf("before: %s", all)
			}
			if _, err := h.sql.ExecContext(t.Context(), harm); err != nil {
				t.Fatal(err)
			}
			if all := h.found(); !strings.Contains(all, `path "a/b": storage_damaged`) {
				t.Errorf("postgres %v, %s: %q", pg, harm, all)
			}
			if _, err := h.sql.ExecContext(t.Context(), `DELETE FROM vaults`); err != nil {
				t.Fatal(err)
			}
			if all := h.found(); strings.Contains(all, "a/b") {
				t.Errorf("postgres %v, of a vault that is gone: %q", pg, all)
			}
		}
	}
}
