package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// aiosmtpd is a mail server of others, as Debian ships it.
const aiosmtpd = "/usr/bin/aiosmtpd"

// A mail server that is a process of its own, and none of our making, takes what
// the queue sends over STARTTLS and over TLS from the start.
func TestAMailServerOfOthersTakesOurMails(t *testing.T) {
	if _, err := os.Stat(aiosmtpd); err != nil {
		t.Fatalf("there is no %s: `make test-deps` installs it", aiosmtpd)
	}
	for _, mode := range []string{mail.STARTTLS, mail.ImplicitTLS} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			cert, ca := certificate(t, nil)
			certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
			if err != nil {
				t.Fatal(err)
			}
			for file, block := range map[string]*pem.Block{
				certFile: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, keyFile: {Type: "EC PRIVATE KEY", Bytes: key},
			} {
				if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			flags := []string{"--tlscert", certFile, "--tlskey", keyFile}
			if mode == mail.ImplicitTLS {
				flags = []string{"--smtpscert", certFile, "--smtpskey", keyFile}
			}
			box := filepath.Join(dir, "box")
			port := runServer(t, box, flags)
			sender, err := mail.NewSMTP(mail.SMTPConfig{Host: "127.0.0.1", Port: port, TLS: mode, RootCAs: ca})
			if err != nil {
				t.Fatal(err)
			}
			n := open(t, setup{dir: ready.Dir(t), sender: sender, now: time.Now})
			if err := n.VerifyEmail(t.Context(), to, token); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { defer close(done); n.Run(ctx) }()
			t.Cleanup(func() { stop(); <-done })
			got := await(t, box)
			for _, want := range []string{"To: <" + to + ">", "Subject: Confirm your mail address", "verify-email?token"} {
				if !strings.Contains(got, want) {
					t.Errorf("the mail has no %q: %s", want, got)
				}
			}
		})
	}
}

// runServer starts the server on a free port, with mails going into a maildir.
func runServer(t *testing.T, box string, flags []string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-n", "-l", fmt.Sprintf("127.0.0.1:%d", port), "-c", "aiosmtpd.handlers.Mailbox"}, append(flags, box)...)
	cmd := exec.CommandContext(context.Background(), aiosmtpd, args...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	var ended error // once gone is closed
	go func() {
		defer close(gone)
		ended = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-gone
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := (&net.Dialer{Timeout: time.Second}).Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
			return port
		}
		select {
		case <-gone:
			t.Fatalf("the mail server ended: %v\n%s", ended, said.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the mail server does not answer")
		}
	}
}

// await returns the first mail in a maildir.
func await(t *testing.T, box string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(box, "new", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(f)
			if err = errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
	}
	t.Fatal("no mail came")
	return ""
}
