package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby runs a synchronous standby of c: from now on c confirms a commit only
// when the standby has it on disk too. It is stopped with the test.
func (c *Cluster) Standby(tb testing.TB) *Cluster {
	tb.Helper()
	s, err := c.standby()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.close(); err != nil {
			tb.Error(err)
		}
	})
	if err := c.follow(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (c *Cluster) standby() (_ *Cluster, err error) {
	s := &Cluster{password: c.password, bin: c.bin, user: c.user}
	if s.dir, err = os.MkdirTemp("", "oneclaw-pg-"); err != nil {
		return nil, err
	}
	if s.clean, err = watch(s.dir); err != nil {
		_ = os.RemoveAll(s.dir)
		return nil, fmt.Errorf("pgtest: start the clean-up process: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.user != nil {
		if err := os.Chown(s.dir, int(s.user.Uid), int(s.user.Gid)); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	cmd := s.command("pg_basebackup", "-d", c.url("postgres")+"&application_name="+standbyName, "-D", s.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("pgtest: pg_basebackup: %w\n%s", err, out.Bytes())
	}
	for range 3 {
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.launch(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// standbyName is what the standby calls itself at the primary.
const standbyName = "standby"

// follow makes c wait for its standby, and returns when it does.
func (c *Cluster) follow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (" + standbyName + ")'", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	for {
		var state string
		err := conn.QueryRow(ctx, "SELECT COALESCE(max(sync_state), '') FROM pg_stat_replication").Scan(&state)
		if err != nil || state == "sync" {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Promote makes a standby the primary. It returns when it takes writes.
func (c *Cluster) Promote(tb testing.TB) {
	tb.Helper()
	// What it was told to wait for as a primary came with the copy.
	for _, sql := range []string{"SELECT pg_promote(true, 60)", "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"} {
		if err := c.admin(tb.Context(), sql); err != nil {
			tb.Fatal(err)
		}
	}
}

// Either is the DSN of a database of c that is the same at other, after a
// failover: clients go to the one that takes writes.
func (c *Cluster) Either(tb testing.TB, dsn string, other *Cluster) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	u.Host += fmt.Sprintf(",127.0.0.1:%d", other.port)
	u.RawQuery += "&target_session_attrs=read-write&connect_timeout=1"
	return u.String()
}
