package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/scratch"
)

// patience bounds every wait for the server. It is long since a loaded machine
// is slow; a healthy one takes a fraction of a second.
const patience = 60 * time.Second

// Cluster is one PostgreSQL server with its data.
type Cluster struct {
	dir, bin, password string
	port               int
	user               *credential
	clean              func() error
	databases          atomic.Int64

	mu      sync.Mutex
	process *os.Process   // nil while the server is down
	exited  chan struct{} // closed when process has been waited for
}

func start(opts ...Option) (_ *Cluster, err error) {
	c := &Cluster{password: rand.Text()}
	if c.bin, err = findBin(debianBins, exec.LookPath); err != nil {
		return nil, err
	}
	if c.user, err = serverUser(); err != nil {
		return nil, err
	}
	var s setup
	for _, opt := range opts {
		opt(&s)
	}
	folder := scratch.Dir
	if s.durable {
		folder = func(pattern string) (string, error) { return os.MkdirTemp("", pattern) }
	}
	if c.dir, err = folder("oneclaw-pg-"); err != nil {
		return nil, err
	}
	if c.clean, err = watch(c.dir); err != nil {
		_ = os.RemoveAll(c.dir)
		return nil, fmt.Errorf("pgtest: start the clean-up process: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err = c.initdb(s); err != nil {
		return nil, err
	}
	// Another process can take the free port before the server does, so a
	// failed first start is tried again elsewhere.
	for range 3 {
		if c.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = c.launch(); err == nil {
			return c, nil
		}
	}
	return nil, err
}

func (c *Cluster) log() string { return filepath.Join(c.dir, "server.log") }

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) url(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/%s?sslmode=disable", c.password, c.port, database)
}

// initdb makes the data directory. Logins need the password: the port is open
// to every user of the machine, and a superuser session can run programs.
func (c *Cluster) initdb(s setup) error {
	passwordFile := filepath.Join(c.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(c.password), 0o600); err != nil {
		return err
	}
	for _, path := range []string{c.dir, passwordFile} {
		if err := c.own(path); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	cmd := c.command("initdb", "-D", c.data(), "-U", "postgres", "--pwfile="+passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, out.Bytes())
	}

	if s.certificate != nil {
		if err := c.keep(s.certificate); err != nil {
			return err
		}
	}
	if s.demandTLS { // the file is there, and the server's
		rules := "host all postgres 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
		if err := os.WriteFile(filepath.Join(c.data(), "pg_hba.conf"), []byte(rules), 0o600); err != nil {
			return err
		}
	}
	settings := []string{
		"listen_addresses = '127.0.0.1'",
		"unix_socket_directories = ''",
		"dynamic_shared_memory_type = mmap", // goes away with the directory
		"timezone = 'UTC'",
	}
	if !s.durable {
		settings = append(settings, "fsync = off", "full_page_writes = off", "min_wal_size = 32MB", "max_wal_size = 128MB")
	}
	settings = append(settings, s.settings...) // later lines win
	conf, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString("\n" + strings.Join(settings, "\n") + "\n")
	return errors.Join(err, conf.Close())
}

// own gives a file to the server's user.
func (c *Cluster) own(path string) error {
	if c.user == nil {
		return nil
	}
	return os.Chown(path, int(c.user.Uid), int(c.user.Gid))
}

// keep writes a certificate with its key where the server looks for them.
func (c *Cluster) keep(of *tls.Certificate) error {
	key, err := x509.MarshalPKCS8PrivateKey(of.PrivateKey)
	if err != nil {
		return err
	}
	var chain bytes.Buffer
	for _, der := range of.Certificate {
		chain.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	for name, text := range map[string][]byte{"tls.crt": chain.Bytes(), "tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		path := filepath.Join(c.data(), name)
		err := os.WriteFile(path, text, 0o600)
		if err == nil {
			err = c.own(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// command is a program of PostgreSQL, run as the server's user, away from the
// PG variables of whoever runs the test, and from its terminal.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + c.dir}
	cmd.SysProcAttr = attributes(c.user)
	return cmd
}

// launch starts the server and returns when it answers. After Kill9 the dead
// server's sessions need a moment to notice; until then a new one is refused
// the shared memory, so that refusal is tried again.
func (c *Cluster) launch() error {
	deadline := time.Now().Add(patience)
	for {
		err := c.launchOnce(deadline)
		if err == nil || time.Now().After(deadline) || !strings.Contains(err.Error(), "still in use") {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *Cluster) launchOnce(deadline time.Time) error {
	logPath := c.log()
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := c.command("postgres", "-D", c.data(), "-p", fmt.Sprint(c.port))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: start postgres: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in the server's log
		close(exited)
	}()
	c.mu.Lock()
	c.process, c.exited = cmd.Process, exited
	c.mu.Unlock()

	for {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		conn, err := pgx.Connect(ctx, c.url("postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			said, _ := os.ReadFile(logPath)
			return fmt.Errorf("pgtest: postgres ended while starting:\n%s", said)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(logPath)
			return errors.Join(fmt.Errorf("pgtest: postgres does not answer: %w\n%s", err, said), c.kill())
		}
	}
}

// stop asks for PostgreSQL's fast shutdown.
func (c *Cluster) stop() error { return c.end(syscall.SIGINT) }

func (c *Cluster) kill() error { return c.end(syscall.SIGKILL) }

func (c *Cluster) end(sig syscall.Signal) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return nil
	}
	if err := c.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pgtest: signal postgres: %w", err)
	}
	select {
	case <-c.exited:
	case <-time.After(patience):
		return fmt.Errorf("pgtest: postgres ignored %v for %v", sig, patience)
	}
	c.process = nil
	return nil
}

func (c *Cluster) close() error { return errors.Join(c.stop(), c.clean()) }

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
