package e2e_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served is the certificate that a server shows.
func served(t testing.TB, addr string) []byte {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].Raw
}

func TestReplacedCertificatesAreServedWithoutARestart(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	cert, key, _ := certificate(t)
	p.env = []string{"ONECLAW_TLS_CERT_FILE=" + cert, "ONECLAW_TLS_KEY_FILE=" + key}
	s := p.start()
	addr := strings.TrimPrefix(s.APIURL, "https://")
	first := served(t, addr)
	copyOver := func(to, from string) {
		t.Helper()
		if err := os.WriteFile(to, must[[]byte](t)(os.ReadFile(from)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next, nextKey, _ := certificate(t)
	copyOver(cert, next) // and not yet its key
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a pair that does not fit is in the log", func() bool { return strings.Contains(s.output(), "replaced files can't be used") })
	if !bytes.Equal(served(t, addr), first) {
		t.Error("half a pair is served")
	}
	copyOver(key, nextKey)
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate is served after SIGHUP", func() bool { return !bytes.Equal(served(t, addr), first) })
	second := served(t, addr)
	// By a symbolic link, as mounts do, and without a signal.
	last, lastKey, _ := certificate(t)
	for to, from := range map[string]string{cert: last, key: lastKey} {
		tmp := to + ".new"
		if err := errors.Join(os.Symlink(from, tmp), os.Rename(tmp, to)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the third certificate is served by itself", func() bool { return !bytes.Equal(served(t, addr), second) })
	// A file that is gone changes nothing.
	now := served(t, addr)
	if err := errors.Join(os.Remove(key), s.cmd.Process.Signal(syscall.SIGHUP)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(served(t, addr), now) {
		t.Error("a certificate without its key is served")
	}
	if n := strings.Count(s.output(), "replaced files can't be used"); n > 4 {
		t.Errorf("%d lines about one fault:\n%s", n, s.output())
	}
}

// longest is what a process may take to end whatever strangers hold open.
const longest = 8 * time.Second

func TestSIGTERMEndsWhateverStrangersHoldOpen(t *testing.T) {
	p := newPlace(t)
	cert, key, _ := certificate(t)
	p.env = []string{"ONECLAW_TLS_CERT_FILE=" + cert, "ONECLAW_TLS_KEY_FILE=" + key, "ONECLAW_RATE_AUTH=off", "ONECLAW_RATE_ADDRESS=off"}
	s := p.start()
	addr := strings.TrimPrefix(s.APIURL, "https://")
	secured := func() net.Conn {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	for range 8 {
		dial(t, addr) // it never says hello
		half := dial(t, addr)
		must[int](t)(half.Write([]byte{0x16, 3, 1, 2, 0, 1})) // the beginning of one
		secured()                                             // it never asks
		must[int](t)(fmt.Fprintf(secured(), "GET /v1/health HTT"))
		must[int](t)(fmt.Fprintf(secured(), "POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{"))
		must[int](t)(fmt.Fprintf(secured(), "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ocv_x\r\nContent-Length: 5000\r\n\r\n{"))
		must[int](t)(fmt.Fprintf(secured(), "POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"))
		kept := secured()
		must[int](t)(fmt.Fprintf(kept, "GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"))
		must[int](t)(io.ReadFull(kept, make([]byte, 12)))
		must[int](t)(fmt.Fprint(secured(), strings.Repeat("GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 200))) // answers that nobody reads
	}
	late := time.AfterFunc(longest, func() {
		t.Errorf("it runs %v after SIGTERM", longest)
		_ = s.cmd.Process.Kill()
	})
	s.stop()
	late.Stop()
}

// A request with both lengths may be read as two by a proxy, so nothing may follow it.
func TestAChunkedRequestEndsItsConnection(t *testing.T) {
	t.Parallel()
	s := newPlace(t).start()
	conn := dial(t, strings.TrimPrefix(s.APIURL, "http://"))
	must[int](t)(io.WriteString(conn, "POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"+
		"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil || bytes.Count(b, []byte("HTTP/1.1 ")) != 1 || !bytes.Contains(b, []byte("Connection: close")) {
		t.Errorf("%v:\n%s", err, b)
	}
}

func TestALostSigningKeyIsNotMadeAnewInSilence(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	h.s.stop()
	for id, name := range map[string]string{"token:000001": "token", "backup:1": "backup"} {
		sick := h.elsewhere(t, "")
		copyTree(t, h.data, sick.data)
		remove(t, filepath.Join(sick.data, "keystore", fmt.Sprintf("signer-%x.key", id)))
		says := "The key that signs " + name + "s (" + id + " or a later one) is not in the keystore."
		if out, code := sick.run("serve", "--listen", "127.0.0.1:0", "--shroud-listen", "127.0.0.1:0"); code != 2 || !strings.Contains(out, says) {
			t.Errorf("serve: exit code %d:\n%s", code, out)
		}
		sick.fails(says, "doctor")
		if name == "backup" {
			sick.fails(says, "backup", "--to", filepath.Join(t.TempDir(), "db"))
		}
		sick.done(nil, "keys", "rotate", name)
		sick.asBefore()
		sick.s.stop()
	}
}

func TestHEADOverAConnection(t *testing.T) {
	t.Parallel()
	s := newPlace(t).start()
	for _, path := range []string{"/status", "/login", "/v1/health", "/v1/openapi.json", "/v1/vaults", "/invite?token=x", "/reset-password", "/nope"} {
		get, head := plain(t, s.APIURL).do(t, "GET", path, nil), plain(t, s.APIURL).do(t, "HEAD", path, nil)
		if get.status != head.status || len(head.body) != 0 || get.header.Get("Content-Type") != head.header.Get("Content-Type") {
			t.Errorf("%s: GET %d %v, HEAD %d %v %q", path, get.status, get.header, head.status, head.header, head.body)
		}
		if n := head.header.Get("Content-Length"); n != "" && n != get.header.Get("Content-Length") {
			t.Errorf("%s: HEAD says %s bytes, GET %s", path, n, get.header.Get("Content-Length"))
		}
	}
}
