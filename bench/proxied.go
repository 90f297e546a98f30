//go:build linux

package main

import (
	"cmp"
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
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// proxying measures programs of `oneclaw proxy` beside the same ones that have the secret, directly and through proxies
// that do nothing but open TLS: a download of 1 GB by curl, and a clone of 1 GB by git.
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
	bare, err := newBareTLS(ctx, stub, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	apart, err := newBareTLS(ctx, stub, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, apart.close()) }()
	with := func(more ...string) []string { return append(env[:len(env):len(env)], more...) }
	ways := []*proxyWay{
		{name: "direct", env: with("KEY=" + brokeredKey)},
		{name: "bare TLS proxy", env: with("KEY="+brokeredKey, "https_proxy="+bare.url())},
		{name: "two bare TLS proxies", env: with("KEY="+brokeredKey, "https_proxy="+apart.url())},
		{name: "proxy", env: with("ONECLAW_API_URL="+srv.url(), "ONECLAW_API_KEY="+f.agentKey), begin: []string{s.bin, "proxy", "--vault", f.vault, "--env", "KEY=brokered/key", "--"}},
	}
	for _, job := range []struct {
		name   string
		turns  int // of each way; the middle one counts
		script string
	}{
		{"curl, 1 GB", 3, `curl -sSf -o /dev/null -H "Authorization: Bearer $KEY" "$SITE/large"`},
		{"git clone, 1 GB", 1, `rm -rf "$HOME/to" && git clone -q --bare "https://x:$KEY@${SITE#https://}/of.git" "$HOME/to"`},
	} {
		for _, w := range ways {
			w.took = nil
		}
		for turn := range job.turns * len(ways) {
			if err := ways[turn%len(ways)].run(ctx, srv.pid(), job.script); err != nil {
				return fmt.Errorf("%s, %s: %w", job.name, ways[turn%len(ways)].name, err)
			}
		}
		direct := ways[0].middle()
		for _, w := range ways[1:] {
			const mb = gigabyte / 1e6
			got := w.middle()
			b.report.extra(s.engine, w.name+", "+job.name+", of the direct rate", 100*direct.wall.Seconds()/got.wall.Seconds(), "%",
				fmt.Sprintf("%.0f MB/s to %.0f MB/s; %.1f s to %.1f s of a processor, all that take part", mb/got.wall.Seconds(), mb/direct.wall.Seconds(), got.cpu.Seconds(), direct.cpu.Seconds()))
		}
	}
	return nil
}

// proxyWay is how a program gets to the stub.
type proxyWay struct {
	name  string
	env   []string
	begin []string // what starts the program
	took  []spent
}

// spent is what one turn took: of a clock, and of processors.
type spent struct{ wall, cpu time.Duration }

// run times the program once.
func (w *proxyWay) run(ctx context.Context, server int, script string) error {
	command := append(w.begin[:len(w.begin):len(w.begin)], "sh", "-c", script)
	before, err := usageNow(server, 0)
	if err != nil {
		return err
	}
	wall, err := timed(ctx, w.env, command[0], command[1:]...)
	if err != nil {
		return err
	}
	after, err := usageNow(server, 0)
	used := after.minus(before)
	w.took = append(w.took, spent{wall, used.server + used.self + used.beside})
	return err
}

// middle is the turn in the middle, by the clock.
func (w *proxyWay) middle() spent {
	all := slices.SortedFunc(slices.Values(w.took), func(a, b spent) int { return cmp.Compare(a.wall, b.wall) })
	return all[len(all)/2]
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
