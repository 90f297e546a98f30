package sqldb_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

func TestADataDirectoryHasOneUser(t *testing.T) {
	cfg := store.Config{Dir: t.TempDir()}
	db := dbkit.Open(t, cfg)
	_, err := store.Open(t.Context(), cfg)
	if fault.CodeOf(err) != "data_in_use" {
		t.Fatalf("a second open: %v, want data_in_use", err)
	}
	if err := db.Append(t.Context(), dbkit.Event(dbkit.NewOrg())); err != nil {
		t.Errorf("the first one after the second was refused: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	dbkit.Open(t, cfg)
}

func TestTheDataDirectoryMayHaveAnyName(t *testing.T) {
	for _, name := range []string{"with space", "per%41cent", "ques?tion=1", "ha#sh", "ünï", "amp&ersand;", "new\nline"} {
		dir := filepath.Join(t.TempDir(), name)
		cfg, org := store.Config{Dir: dir}, dbkit.NewOrg()
		db := dbkit.Open(t, cfg)
		dbkit.AppendEvents(t, db, org, 1)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(dbkit.Chain(t, dbkit.Open(t, cfg), org)); n != 1 {
			t.Errorf("%q: %d events, want 1", name, n)
		}
		if _, err := os.Stat(filepath.Join(dir, "oneclaw.db")); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTheFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db := dbkit.Open(t, store.Config{Dir: dir})
	dbkit.AppendEvents(t, db, dbkit.NewOrg(), 1)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 { // database, lock, log
		t.Fatalf("%v", files)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", f.Name(), info.Mode().Perm())
		}
	}
}

func TestABadConnectionStringIsNotRepeated(t *testing.T) {
	const password = "hunter2-canary"
	for _, dsn := range []string{
		"postgres://u:" + password + "@[bad/db", "postgres://u:" + password + "@h:port/db", "host=h password=" + password + " nonsense",
		"postgres://u:" + password + "@127.0.0.1:1/db?connect_timeout=1",
	} {
		_, err := store.Open(t.Context(), store.Config{PostgresDSN: dsn})
		if err == nil {
			t.Fatalf("it opened")
		}
		if strings.Contains(err.Error(), password) {
			t.Errorf("the error repeats the password: %v", err)
		}
		if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, "connect_timeout") {
			t.Errorf("not said in one line: %q", text)
		}
		if strings.Contains(dsn, "127.0.0.1") && !strings.Contains(err.Error(), "PostgreSQL can't be reached: dial tcp 127.0.0.1:1") {
			t.Errorf("does not say what was not reached: %v", err)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		if err := errors.Join(db.Close(), db.Close()); err != nil {
			t.Error(err)
		}
		dbkit.WantKind(t, db.Append(t.Context(), dbkit.Event(dbkit.NewOrg())), fault.Unavailable)
	})
}
