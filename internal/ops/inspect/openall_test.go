package inspect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

// unknowable are columns that nothing else in the database says anything about.
var unknowable = map[string]string{
	"passkeys.public_key": "any bytes may be a key: signatures of the authenticator are refused then, and its user signs in another way",
	"payments.id":         "a hash of what the network takes once: another value is another payment",
	"payments.resource":   "a hash of a request, which is not kept",
}

// TestAFlippedBitOfAnyStoredBytesIsNamed goes over every column of bytes that the
// schema has.
func TestAFlippedBitOfAnyStoredBytesIsNamed(t *testing.T) {
	for _, pg := range []bool{false, true} {
		t.Run(map[bool]string{false: "sqlite", true: "postgres"}[pg], func(t *testing.T) {
			h := house.New(t, pg)
			names := h.Fill()
			if all := h.Found(); all != "" {
				t.Fatalf("before: %s", all)
			}
			tried := 0
			for table, columns := range h.Columns() {
				for column, kind := range columns {
					if kind != "blob" && kind != "bytea" || unknowable[table+"."+column] != "" {
						continue
					}
					tried++
					flip(t, h, table, column, names[table])
				}
			}
			if tried < 16 {
				t.Errorf("%d columns of bytes, want at least 16", tried)
			}
			if all := h.Found(); all != "" {
				t.Errorf("after: %s", all)
			}
		})
	}
}

// flip alters one bit of each row's value in a column, one row at a time.
func flip(t *testing.T, h *house.House, table, column, name string) {
	t.Helper()
	rows, err := h.SQL.QueryContext(t.Context(), `SELECT `+column+` FROM `+table)
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
		set(t, h, table, column, v, bad)
		if all := h.Found(); !strings.Contains(all, name) || name == "" {
			t.Errorf("%s.%s is altered, and what is found is: %q, want %q", table, column, all, name)
		}
		set(t, h, table, column, bad, v)
	}
}

func set(t *testing.T, h *house.House, table, column string, from, to []byte) {
	t.Helper()
	r, err := h.SQL.ExecContext(t.Context(), `UPDATE `+table+` SET `+column+` = $1 WHERE `+column+` = $2`, to, from)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d rows, %v", n, err)
	}
}

func TestALostKeyIsNamed(t *testing.T) {
	h := house.New(t, false)
	names := h.Fill()
	if err := h.Keys.DestroyKEK(t.Context(), "shares"); err != nil {
		t.Fatal(err)
	}
	if all := h.Found(); !strings.Contains(all, names["shares"]+": "+seal.CodeKeyLost) {
		t.Errorf("the key of links is lost: %q", all)
	}
}

// TestLostRowsOfSecretsAreNamed: neither table of secrets may lose a row unseen. Those of
// vaults that are gone are no loss.
func TestLostRowsOfSecretsAreNamed(t *testing.T) {
	for _, pg := range []bool{false, true} {
		for _, harm := range []string{`DELETE FROM secrets`, `UPDATE secrets SET version_id = 'other'`, `DELETE FROM secret_versions WHERE version = 3`} {
			h := house.New(t, pg)
			h.Fill()
			if all := h.Found(); all != "" {
				t.Fatalf("before: %s", all)
			}
			if _, err := h.SQL.ExecContext(t.Context(), harm); err != nil {
				t.Fatal(err)
			}
			if all := h.Found(); !strings.Contains(all, `path "a/b": storage_damaged`) {
				t.Errorf("postgres %v, %s: %q", pg, harm, all)
			}
			if _, err := h.SQL.ExecContext(t.Context(), `DELETE FROM vaults`); err != nil {
				t.Fatal(err)
			}
			if all := h.Found(); strings.Contains(all, "a/b") {
				t.Errorf("postgres %v, of a vault that is gone: %q", pg, all)
			}
		}
	}
}
