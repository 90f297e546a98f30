package sqldb_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// lines is a log that a test reads.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

// A reader in another process, as a long backup is, keeps its snapshot for a
// minute. Reads and writes go on all along, the log that grows meanwhile is told of
// once a minute, and begins again when the reader has gone.
func TestAReaderThatStaysStopsNobody(t *testing.T) {
	t.Parallel()
	const held, stall = time.Minute, 2 * time.Second
	var stalled time.Duration // a machine that is busy stalls too, but not for most of the time
	log := new(lines)
	dir := t.TempDir()
	db := dbkit.Open(t, store.Config{Dir: dir, Log: slog.New(slog.NewTextHandler(log, nil))})
	org := dbkit.NewOrg()
	dbkit.AppendEvents(t, db, org, 1)
	file := filepath.Join(dir, sqldb.File)
	other, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	snapshot, err := other.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := snapshot.QueryRowContext(t.Context(), `SELECT count(*) FROM audit_events`).Scan(&n); err != nil || n != 1 {
		t.Fatal(n, err)
	}

	load := func(until func() bool) {
		t.Helper()
		for !until() {
			began := time.Now()
			large := strings.Repeat("x", 100_000) + dbkit.NewOrg() // so that the log grows beyond what is warned of
			if err := db.Write(t.Context(), org, func(tx store.Tx) error {
				tx.Append(dbkit.Event(org))
				return dbkit.Remember(large)(tx)
			}); err != nil {
				t.Fatal(err)
			}
			wrote := time.Now()
			if err := db.Append(t.Context(), dbkit.Event(org)); err != nil { // as a read does
				t.Fatal(err)
			}
			if _, err := db.Vault(t.Context(), org); !fault.Is(err, fault.NotFound) {
				t.Fatal(err)
			}
			for _, took := range []time.Duration{wrote.Sub(began), time.Since(wrote)} {
				if took > stall {
					stalled += took
				}
			}
			time.Sleep(10 * time.Millisecond) // leaves disk to others
		}
	}
	size := func() int64 {
		info, err := os.Stat(file + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	began := time.Now()
	load(func() bool { return time.Since(began) > held && size() > 128<<20 })
	grown := size()
	if stalled > time.Since(began)/5 {
		t.Errorf("calls stalled for %v of %v", stalled, time.Since(began))
	}
	const warning = "the write-ahead log grows"
	if n, most := log.count(warning), 1+int(time.Since(began)/time.Minute); n == 0 || n > most {
		t.Errorf("%d warnings in %v", n, time.Since(began))
	}
	if err := snapshot.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	load(func() bool { return size() < grown/2 || time.Since(ended) > held })
	if now := size(); now > 64<<20+1<<20 {
		t.Errorf("the log has %d MiB, and had %d", now>>20, grown>>20)
	}
}
