// Package ready gives tests databases whose schema is made already.
//
// Its promise: each database is the test's own, is what store.Open makes of an empty
// one, and goes with the test. The steps of the schema run once a process, since they take longer
// than most tests.
package ready

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/scratch"
)

// Dir is a temporary data directory with a database of SQLite in it.
func Dir(tb testing.TB) string {
	tb.Helper()
	content, err := file()
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := scratch.Dir("oneclaw-ready-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, sqldb.File), content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// DSN is the connection URL of a database in the cluster that all tests share.
func DSN(tb testing.TB) string {
	tb.Helper()
	cluster := pgtest.Shared(tb)
	template, err := database()
	if err != nil {
		tb.Fatal(err)
	}
	return cluster.CopyOf(tb, template)
}

var file = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "oneclaw-ready-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := migrate(store.Config{Dir: dir}); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, sqldb.File))
})

var database = sync.OnceValues(func() (dsn string, err error) {
	cluster, err := pgtest.SharedCluster()
	if err != nil {
		return "", err
	}
	if dsn, err = cluster.Create(context.Background()); err != nil {
		return "", err
	}
	return dsn, migrate(store.Config{PostgresDSN: dsn})
})

func migrate(cfg store.Config) error {
	db, err := store.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	return db.Close()
}
