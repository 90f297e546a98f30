// Package pgtest runs a PostgreSQL server of its own for tests.
//
// Its promise: every cluster lives in its own temporary directory and listens
// on a free port of 127.0.0.1 alone, every DSN names a fresh empty database,
// and nothing stays behind: the server is stopped and the directory removed
// also when the test process is killed with SIGKILL. A missing PostgreSQL
// fails the test; it never skips it.
package pgtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Option changes how a cluster is set up.
type Option func(*setup)

type setup struct {
	durable     bool
	settings    []string
	certificate *tls.Certificate
	demandTLS   bool
}

// Durable turns fsync and full page writes on, on a disk, for tests of what survives.
// The default leaves them off, in memory where there is enough of it: fast, and still
// safe against Kill9, which the operating system's page cache survives.
func Durable() Option { return func(s *setup) { s.durable = true } }

// Setting adds a line to postgresql.conf. The value is quoted here.
func Setting(name, value string) Option {
	return func(s *setup) { s.settings = append(s.settings, fmt.Sprintf("%s = '%s'", name, value)) }
}

// TLS has the server speak TLS with a certificate, also without, and say in its log who logs in.
func TLS(c *tls.Certificate) Option {
	return func(s *setup) {
		s.certificate = c
		s.settings = append(s.settings, "ssl = on", "ssl_cert_file = 'tls.crt'", "ssl_key_file = 'tls.key'", "log_connections = on")
	}
}

// DemandTLS has the server let nobody in without TLS but its owner, whose address DSN has.
func DemandTLS() Option { return func(s *setup) { s.demandTLS = true } }

// Start runs a cluster of the test's own and stops it when the test ends.
func Start(tb testing.TB, opts ...Option) *Cluster {
	tb.Helper()
	c, err := start(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// shared is started by the first test that asks for it. It is the one global
// here: a server takes about a second to set up, and tests that only want a
// database should pay for it once.
var shared = sync.OnceValues(func() (*Cluster, error) { return start() })

// SharedCluster is Shared for what has no test at hand.
func SharedCluster() (*Cluster, error) { return shared() }

// Shared returns the cluster that all tests of this process use together. It
// goes away with the process. Tests that stop or kill the server use Start.
func Shared(tb testing.TB) *Cluster {
	tb.Helper()
	c, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// DSN creates an empty database and returns a connection URL for it. The
// database is dropped when the test ends, if the server still answers then.
func (c *Cluster) DSN(tb testing.TB) string {
	tb.Helper()
	return c.forTest(tb, "")
}

// CopyOf is DSN for a copy of another database of this cluster, to which nobody
// may be connected meanwhile.
func (c *Cluster) CopyOf(tb testing.TB, dsn string) string {
	tb.Helper()
	at, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	return c.forTest(tb, " TEMPLATE "+strings.TrimPrefix(at.Path, "/"))
}

func (c *Cluster) forTest(tb testing.TB, how string) string {
	tb.Helper()
	name, err := c.create(tb.Context(), how)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := c.admin(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Logf("pgtest: %s is left to the end of the cluster: %v", name, err)
		}
	})
	return c.url(name)
}

// Stop ends the server in order: sessions are cut, buffers are written.
func (c *Cluster) Stop(tb testing.TB) {
	tb.Helper()
	if err := c.stop(); err != nil {
		tb.Fatal(err)
	}
}

// Log is what the server has said since it was started last.
func (c *Cluster) Log(tb testing.TB) string {
	tb.Helper()
	said, err := os.ReadFile(c.log())
	if err != nil {
		tb.Fatal(err)
	}
	return string(said)
}

// Kill9 ends the server with SIGKILL, as a crash would.
func (c *Cluster) Kill9(tb testing.TB) {
	tb.Helper()
	if err := c.kill(); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts the server again on the same port and data, stopping it first
// when it runs. It returns when the server answers, so DSNs given out before
// are good again.
func (c *Cluster) Restart(tb testing.TB) {
	tb.Helper()
	if err := c.stop(); err != nil {
		tb.Fatal(err)
	}
	if err := c.launch(); err != nil {
		tb.Fatal(err)
	}
}

func (c *Cluster) admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(ctx, statement)
	return err
}
