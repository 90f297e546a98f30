package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec1(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func value[T any](t *testing.T, conn *pgx.Conn, sql string) (v T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEveryDSNIsAFreshDatabase(t *testing.T) {
	c := Shared(t)
	if c != Shared(t) {
		t.Fatal("Shared started a second cluster")
	}
	first, second := connect(t, c.DSN(t)), connect(t, c.DSN(t))
	exec1(t, first, "CREATE TABLE mine (n INT)")
	const tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
	if n := value[int](t, first, tables); n != 1 {
		t.Errorf("first database has %d tables, want 1", n)
	}
	if n := value[int](t, second, tables); n != 0 {
		t.Errorf("second database has %d tables, want none", n)
	}
}

func TestADatabaseIsDroppedWithItsTest(t *testing.T) {
	c := Shared(t)
	count := func() int { return value[int](t, connect(t, c.url("postgres")), "SELECT count(*) FROM pg_database") }
	before := count()
	t.Run("uses two", func(t *testing.T) {
		connect(t, c.DSN(t))
		c.DSN(t)
		if during := count(); during != before+2 {
			t.Errorf("%d databases, want %d", during, before+2)
		}
	})
	if after := count(); after != before {
		t.Errorf("%d databases after the test, want %d", after, before)
	}
}

func TestOnlyThisMachineWithThePasswordGetsIn(t *testing.T) {
	c := Shared(t)
	conn := connect(t, c.DSN(t))
	if got := value[string](t, conn, "SHOW listen_addresses"); got != "127.0.0.1" {
		t.Errorf("listens on %q", got)
	}
	if got := value[string](t, conn, "SHOW unix_socket_directories"); got != "" {
		t.Errorf("has sockets in %q", got)
	}
	wrong := strings.Replace(c.url("postgres"), c.password, "wrong", 1)
	if conn, err := pgx.Connect(t.Context(), wrong); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a wrong password was let in")
	}
}

func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		opts               []Option
		fsync, connections string
	}{
		"fast unless asked":      {nil, "off", "100"},
		"durable and a setting":  {[]Option{Durable(), Setting("max_connections", "31")}, "on", "31"},
		"the last setting wins":  {[]Option{Durable(), Setting("fsync", "off")}, "off", "100"},
		"a setting alone counts": {[]Option{Setting("fsync", "on")}, "on", "100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, Start(t, tc.opts...).DSN(t))
			if got := value[string](t, conn, "SHOW fsync"); got != tc.fsync {
				t.Errorf("fsync %s, want %s", got, tc.fsync)
			}
			if got := value[string](t, conn, "SHOW max_connections"); got != tc.connections {
				t.Errorf("max_connections %s, want %s", got, tc.connections)
			}
			if got := value[string](t, conn, "SHOW synchronous_commit"); got != "on" {
				t.Errorf("synchronous_commit %s, want on", got)
			}
		})
	}
}

func TestCommittedRowsSurvive(t *testing.T) {
	for name, end := range map[string]func(*Cluster, testing.TB){
		"a stop":    (*Cluster).Stop,
		"a SIGKILL": (*Cluster).Kill9,
		"a restart": func(*Cluster, testing.TB) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Start(t, Durable())
			dsn := c.DSN(t)
			exec1(t, connect(t, dsn), "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
			for range 3 {
				open := connect(t, dsn) // a session that has to notice the end
				end(c, t)
				if c.process == nil {
					// After a SIGKILL of the server, a session notices in its own time.
					for deadline := time.Now().Add(patience); open.Ping(t.Context()) == nil; time.Sleep(10 * time.Millisecond) {
						if time.Now().After(deadline) {
							t.Fatal("the server still answers")
						}
					}
					if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
						_ = conn.Close(t.Context())
						t.Fatal("the server still takes connections")
					}
				}
				c.Restart(t)
				if n := value[int](t, connect(t, dsn), "SELECT count(*) FROM kept"); n != 1000 {
					t.Fatalf("%d rows after the restart, want 1000", n)
				}
			}
		})
	}
}

// TestMain turns this binary into a test process to be killed, when asked.
func TestMain(m *testing.M) {
	if os.Getenv("PGTEST_BE_KILLED") == "" {
		os.Exit(m.Run())
	}
	c, err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.dir, c.port)
	select {}
}

func TestNothingStaysBehindWhenTheTestIsKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "PGTEST_BE_KILLED=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the other test process said nothing: %v", err)
	}
	var dir, port string
	if _, err := fmt.Sscan(line, &dir, &port); err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", port)
	if conn, err := net.Dial("tcp", addr); err != nil {
		t.Fatalf("the server is not up: %v", err)
	} else {
		_ = conn.Close()
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // reports the kill

	gone := func() bool {
		_, err := os.Stat(dir)
		conn, dialErr := net.Dial("tcp", addr)
		if dialErr == nil {
			_ = conn.Close()
		}
		return errors.Is(err, fs.ErrNotExist) && dialErr != nil
	}
	for deadline := time.Now().Add(patience); !gone(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s or the server on %s is still there", dir, addr)
		}
	}
}

func TestFindBin(t *testing.T) {
	root := t.TempDir()
	install := func(dir string, names ...string) string {
		dir = filepath.Join(root, dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	install("debian/9/bin", "initdb", "postgres")
	debian15 := install("debian/15/bin", "initdb", "postgres")
	install("debian/16/bin", "psql") // a client alone
	onPath := install("path", "initdb", "postgres")
	clientOnly := install("client", "initdb")

	in := func(dir string) func(string) (string, error) {
		return func(name string) (string, error) { return exec.LookPath(filepath.Join(dir, name)) }
	}
	for name, tc := range map[string]struct {
		glob string
		path func(string) (string, error)
		want string
	}{
		"the newest complete version":          {filepath.Join(root, "debian/*/bin"), in(onPath), debian15},
		"PATH when Debian's are absent":        {filepath.Join(root, "none/*/bin"), in(onPath), onPath},
		"nothing, when PATH lacks the server":  {filepath.Join(root, "none/*/bin"), in(clientOnly), ""},
		"nothing, when there is none anywhere": {filepath.Join(root, "none/*/bin"), in(root), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := findBin(tc.glob, tc.path)
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if tc.want == "" && (err == nil || !strings.Contains(err.Error(), "make test")) {
				t.Errorf("error %v does not say what to do", err)
			}
		})
	}
}
