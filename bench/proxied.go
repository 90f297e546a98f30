//go:build linux

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// proxying measures programs of `oneclaw proxy` beside the same ones that have the secret: a download
// of 1 GB by curl, and a clone of 1 GB by git, over TLS.
func (b *bench) proxying(ctx context.Context, s *site, f *fixture) (err error) {
	for _, tool := range []string{"curl", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.report.note("%s: no %s here, nothing was proxied", s.engine, tool)
			return nil
		}
	}
	dir := filepath.Join(s.dir, "proxied")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	git, err := repository(ctx, dir)
	if err != nil {
		return err
	}
	stub, err := over127002(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, ok := r.BasicAuth(); ok && password == brokeredKey {
			git.ServeHTTP(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/of.git") {
			w.Header().Set("WWW-Authenticate", `Basic realm="of"`)
		}
		demanding(w, r)
	}))
	if err != nil {
		return err
	}
	defer stub.Close()
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: stub.Certificate().Raw}), 0o600); err != nil {
		return err
	}
	trusting := *s
	trusting.env = append(trusting.env[:len(trusting.env):len(trusting.env)], "SSL_CERT_FILE="+roots)
	srv, err := trusting.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	host := strings.TrimPrefix(stub.URL, "https://")
	if err := mayUse(ctx, srv, f, host, client.Binding{Hosts: []string{host}, In: "basic"}); err != nil {
		return err
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "SSL_CERT_FILE=" + roots, "CURL_CA_BUNDLE=" + roots, "GIT_SSL_CAINFO=" + roots, "GIT_TERMINAL_PROMPT=0", "SITE=" + stub.URL,
	}
	ours := append(env[:len(env):len(env)], "ONECLAW_API_URL="+srv.url(), "ONECLAW_API_KEY="+f.agentKey)
	for _, job := range []struct{ name, script string }{
		{"curl, 1 GB", `curl -sSf -o /dev/null -H "Authorization: Bearer $KEY" "$SITE/large"`},
		{"git clone, 1 GB", `rm -rf "$HOME/to" && git clone -q --bare "https://x:$KEY@${SITE#https://}/of.git" "$HOME/to"`},
	} {
		direct, err := timed(ctx, append(env[:len(env):len(env)], "KEY="+brokeredKey), "sh", "-c", job.script)
		if err != nil {
			return fmt.Errorf("%s: %w", job.name, err)
		}
		through, err := timed(ctx, ours, s.bin, "proxy", "--vault", f.vault, "--env", "KEY=brokered/key", "--", "sh", "-c", job.script)
		if err != nil {
			return fmt.Errorf("%s through the proxy: %w", job.name, err)
		}
		const mb = gigabyte / 1e6
		b.report.extra(s.engine, "proxy, "+job.name+", of the direct rate", 100*direct.Seconds()/through.Seconds(), "%",
			fmt.Sprintf("%.0f MB/s to %.0f MB/s", mb/through.Seconds(), mb/direct.Seconds()))
	}
	return nil
}

// over127002 serves TLS on an address of this machine that programs ask through a proxy, which they do
// not for 127.0.0.1.
func over127002(h http.Handler) (*httptest.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		return nil, err
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 2)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, public, key)
	if err != nil {
		return nil, err
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}, TLS: &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}}
	s.StartTLS()
	return s, nil
}

// repository makes one of a gigabyte that does not get smaller, and returns what serves it.
func repository(ctx context.Context, dir string) (http.Handler, error) {
	of := filepath.Join(dir, "of.git")
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		return nil, err
	}
	piece := make([]byte, 4<<20)
	for i := range gigabyte / len(piece) {
		_, _ = rand.Read(piece) // never fails
		if err := os.WriteFile(filepath.Join(work, fmt.Sprint(i)), piece, 0o600); err != nil {
			return nil, err
		}
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_DIR=" + of, "GIT_WORK_TREE=" + work, "GIT_CONFIG_NOSYSTEM=1"}
	for _, args := range [][]string{
		{"init", "-q"}, {"config", "core.compression", "0"}, {"config", "http.receivepack", "false"}, {"config", "core.bigFileThreshold", "1m"},
		{"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "all"}, {"repack", "-qad"},
	} {
		if _, err := timed(ctx, env, "git", args...); err != nil {
			return nil, err
		}
	}
	out, err := exec.CommandContext(ctx, "git", "--exec-path").Output()
	if err != nil {
		return nil, err
	}
	return &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + dir},
	}, os.RemoveAll(work)
}

// timed runs a program and says how long it took.
func timed(ctx context.Context, env []string, program string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %s", filepath.Base(program), err, strings.ReplaceAll(string(out), url.QueryEscape(brokeredKey), "KEY"))
	}
	return time.Since(began), nil
}
