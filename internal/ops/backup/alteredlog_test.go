package backup

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/ops/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

// TestABackupWithAnAlteredLogIsNotTakenForWhole: it is written and exits with an error,
// restore refuses it, and --accept-damaged puts it back and names the log.
func TestABackupWithAnAlteredLogIsNotTakenForWhole(t *testing.T) {
	for name, harm := range map[string]struct {
		does []string
		says string
	}{
		"an event is altered": {[]string{`UPDATE audit_events SET action = 'secret.write' WHERE seq = 2`}, "event 2 was altered"},
		"an event is removed": {[]string{`DELETE FROM audit_events WHERE seq = 3`}, "event 3 is missing"},
		// What is left fits together, and only the node knows that there was more.
		"the log is cut off": {[]string{`DELETE FROM audit_checkpoints`, `DELETE FROM audit_events`, `DELETE FROM audit_heads`}, "is not the one whose event 3 was signed"},
	} {
		for _, pg := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " on SQLite", true: " on PostgreSQL"}[pg], func(t *testing.T) {
				h := house.New(t, pg)
				h.Fill()
				data := t.TempDir()
				if !pg {
					data = h.Dir
				}
				sign(t, h, data)
				if !pg {
					if all := h.Found(); all != "" {
						t.Fatalf("before: %s", all)
					}
				}
				for _, sql := range harm.does {
					if r, err := h.SQL.ExecContext(t.Context(), sql); err != nil {
						t.Fatal(err)
					} else if n, err := r.RowsAffected(); err != nil || n == 0 {
						t.Fatalf("%s: %d rows, %v", sql, n, err)
					}
				}
				var out bytes.Buffer
				o := operator.Operator{Stdout: &out, Stderr: &out, Now: time.Now}
				made := filepath.Join(t.TempDir(), "made")
				b := &backup{Operator: o, cfg: config.Config{Data: data, KeystoreDir: h.KeyDir, DatabaseURL: secret.FromString(h.DSN)}}
				err := b.run(t.Context(), h.Keys, made, "")
				if fault.CodeOf(err) != inspect.CodeAltered || !strings.Contains(err.Error(), harm.says) || !strings.Contains(out.String(), "warning: The audit log of organisation ") {
					t.Errorf("backup: %v\n%s", err, &out)
				}
				for _, accept := range []bool{false, true} {
					r := &restoring{Operator: o, damaged: accept, cfg: config.Config{Data: filepath.Join(t.TempDir(), "data"), KeystoreDir: h.KeyDir}}
					if r.database, err = readSigned(made, holdsDatabase); err != nil {
						t.Fatal(err)
					}
					for way, does := range map[string]func() error{"restore --check": func() error { return r.check(t.Context()) }, "restore": func() error { return r.run(t.Context()) }} {
						out.Reset()
						err := does()
						switch {
						case accept && (err != nil || !strings.Contains(out.String(), harm.says)):
							t.Errorf("%s --accept-damaged: %v\n%s", way, err, &out)
						case !accept && (fault.CodeOf(err) != inspect.CodeAltered || !strings.Contains(err.Error(), harm.says) || !strings.Contains(err.Error(), "--accept-damaged")):
							t.Errorf("%s: %v", way, err)
						}
					}
				}
			})
		}
	}
}

// sign keeps in the data folder which heads the node has signed.
func sign(t *testing.T, h *house.House, data string) {
	t.Helper()
	orgs, err := h.DB.Chains(t.Context())
	if err != nil || len(orgs) == 0 {
		t.Fatalf("%v, %v", orgs, err)
	}
	signed := map[string]audit.Head{}
	for _, org := range orgs {
		if signed[org], err = h.DB.Head(t.Context(), org); err != nil {
			t.Fatal(err)
		}
	}
	if err := (datadir.Anchor{Dir: data}).Save(signed); err != nil {
		t.Fatal(err)
	}
}

// Without the key that signed the log no restore takes the backup.
func TestABackupWithoutTheKeyOfTheLogIsNotTakenForWhole(t *testing.T) {
	h := house.New(t, false)
	h.Fill()
	if err := os.Remove(filepath.Join(h.KeyDir, "signer-"+hex.EncodeToString([]byte(keyring.FirstAudit))+".key")); err != nil {
		t.Fatal(err)
	}
	keys, err := soft.Open(t.Context(), soft.Config{Dir: h.KeyDir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = keys.Close() }()
	var out bytes.Buffer
	b := &backup{Operator: operator.Operator{Stdout: &out, Stderr: &out, Now: time.Now}, cfg: config.Config{Data: h.Dir, KeystoreDir: h.KeyDir}}
	if err := b.run(t.Context(), keys, filepath.Join(t.TempDir(), "made"), ""); fault.CodeOf(err) != audit.CodeKeyUnusable {
		t.Errorf("backup: %v\n%s", err, &out)
	}
}

// What the server seals with a key of its own does not open without it either.
func TestABackupWithoutAKeyOfTheServerIsNotTakenForWhole(t *testing.T) {
	h := house.New(t, false)
	h.Fill()
	if err := h.Keys.DestroyKEK(t.Context(), "shares"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := operator.Operator{Stdout: &out, Stderr: &out, Now: time.Now}
	made := filepath.Join(t.TempDir(), "made")
	b := &backup{Operator: o, cfg: config.Config{Data: h.Dir, KeystoreDir: h.KeyDir}}
	if err := b.run(t.Context(), h.Keys, made, ""); fault.CodeOf(err) != "server_key_lost" || !strings.Contains(out.String(), "links of shares") {
		t.Errorf("backup: %v\n%s", err, &out)
	}
	for _, accept := range []bool{false, true} {
		r := &restoring{Operator: o, damaged: accept, cfg: config.Config{Data: filepath.Join(t.TempDir(), "data"), KeystoreDir: h.KeyDir}}
		var err error
		if r.database, err = readSigned(made, holdsDatabase); err != nil {
			t.Fatal(err)
		}
		if err := r.check(t.Context()); (err == nil) != accept || err != nil && fault.CodeOf(err) != inspect.CodeDamaged {
			t.Errorf("restore --check, accept %v: %v", accept, err)
		}
	}
}
