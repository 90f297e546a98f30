//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// serveOwner is the owner of a server that is not dev's, which makes its own.
// Joints between the letters of the password keep runs such as abc out of it.
var serveOwner = login{Email: "owner@example.com", Password: "Bench-9z-" + strings.Join(strings.Split(rand.Text(), ""), "-")}

// errAbsent says that an engine can't be measured here. The report says so too.
var errAbsent = errors.New("not measured")

// open prepares an engine. closing gives back what it took, in any case.
func (b *bench) open(name string) (s *site, closing func() error, err error) {
	return b.openIn(name, b.bin, filepath.Join(b.root, name))
}

func (b *bench) openIn(name, bin, dir string) (s *site, closing func() error, err error) {
	closing = func() error { return nil }
	s = &site{engine: name, bin: bin, dir: dir, command: "dev"}
	data := filepath.Join(s.dir, "data")
	s.size = func(context.Context) (int64, error) { return sizeOf(data) }
	s.settle = func(context.Context) error { return nil }
	if err := os.MkdirAll(data, 0o700); err != nil {
		return s, closing, err
	}
	if s.bin, err = filepath.Abs(s.bin); err != nil {
		return s, closing, err
	}
	switch name {
	case postgres:
		closing, err = s.openPostgres()
	case softhsm:
		err = s.openSoftHSM(b.hsmBin)
	}
	if err != nil {
		return s, closing, err
	}
	if _, err := os.Stat(s.bin); err != nil {
		return s, closing, fmt.Errorf("%w (make build)", err)
	}
	return s, closing, nil
}

// openPostgres starts a cluster with every durability setting as PostgreSQL
// ships it, and the memory that any guide to tuning gives it.
func (s *site) openPostgres() (closing func() error, err error) {
	closing = func() error { return nil }
	c, err := pgtest.Run(
		pgtest.Durable(),
		pgtest.Setting("shared_buffers", "512MB"),
		pgtest.Setting("wal_buffers", "16MB"),
		pgtest.Setting("max_wal_size", "4GB"),
		pgtest.Setting("checkpoint_timeout", "15min"),
	)
	if errors.Is(err, pgtest.ErrMissing) {
		return closing, fmt.Errorf("%w: PostgreSQL is not installed (make test-deps)", errAbsent)
	}
	if err != nil {
		return closing, err
	}
	closing = c.Close
	dsn, err := c.Create(context.Background())
	if err != nil {
		return closing, err
	}
	s.command, s.databasePID = "serve", c.PID()
	s.size = func(ctx context.Context) (int64, error) { return c.Size(ctx, dsn) }
	s.settle = func(ctx context.Context) error { return c.Settle(ctx, dsn) }
	for name, text := range map[string]string{"DATABASE_URL_FILE": dsn, "OWNER_PASSWORD_FILE": serveOwner.Password} {
		if err := s.file(name, text); err != nil {
			return closing, err
		}
	}
	s.env = append(s.env, "ONECLAW_OWNER_EMAIL="+serveOwner.Email)
	return closing, nil
}

// file puts text into a file and its name into the environment.
func (s *site) file(name, text string) error {
	path := filepath.Join(s.dir, name)
	s.env = append(s.env, "ONECLAW_"+name+"="+path)
	return os.WriteFile(path, []byte(text), 0o600)
}

// openSoftHSM makes a token of SoftHSM2 for the keys; the database is SQLite's.
func (s *site) openSoftHSM(bin string) (err error) {
	if s.bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	if _, err := os.Stat(s.bin); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s (make build-hsm)", errAbsent, bin)
	}
	module := ""
	for _, pattern := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib*/*/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 { // the patterns are good
			module = found[0]
			break
		}
	}
	if module == "" {
		return fmt.Errorf("%w: SoftHSM2 is not installed (make test-deps)", errAbsent)
	}
	tokens, conf := filepath.Join(s.dir, "tokens"), filepath.Join(s.dir, "softhsm2.conf")
	text := "directories.tokendir = " + tokens + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	if err := errors.Join(os.MkdirAll(tokens, 0o700), os.WriteFile(conf, []byte(text), 0o600)); err != nil {
		return err
	}
	pin := rand.Text()
	cmd := exec.CommandContext(context.Background(), "softhsm2-util", "--init-token", "--free",
		"--label", "bench", "--pin", pin, "--so-pin", rand.Text())
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SOFTHSM2_CONF=" + conf}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("softhsm2-util: %w: %s", err, out)
	}
	s.env = append(s.env, "SOFTHSM2_CONF="+conf, "ONECLAW_KEYSTORE=pkcs11",
		"ONECLAW_PKCS11_MODULE="+module, "ONECLAW_PKCS11_TOKEN=bench")
	return s.file("PKCS11_PIN_FILE", pin)
}

// login is the owner's.
type login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}
