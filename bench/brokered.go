//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// brokering measures requests with a secret in them, sent by the server, beside the same ones sent
// directly, a download of 1 GB, and a thousand streams that stay open. The other server is a stub on this machine.
func (b *bench) brokering(ctx context.Context, s *site, f *fixture) (err error) {
	stub := httptest.NewServer(http.HandlerFunc(demanding))
	defer stub.Close()
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	if err := mayUse(ctx, srv, f, strings.TrimPrefix(stub.URL, "http://")); err != nil {
		return err
	}
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	keys, err := streamers(ctx, srv, f)
	if err != nil {
		return err
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	bare, stopBare, err := b.startBare(ctx, addr.String(), stub.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopBare()) }()
	ways := []*way{
		{name: "direct", ask: func(_ int, path string) (*http.Request, error) { return directly(ctx, stub.URL+path) }},
		{name: "bare proxy", pid: bare, ask: func(_ int, path string) (*http.Request, error) { return directly(ctx, "http://"+addr.String()+path) }},
		{name: "http-request", ask: func(i int, path string) (*http.Request, error) {
			return asRequest(ctx, srv.url(), keys[i/requestsEach], stub.URL+path)
		}},
		{name: "http-stream", ask: func(i int, path string) (*http.Request, error) {
			return asStream(ctx, srv.url(), keys[i/requestsEach], stub.URL+path)
		}},
	}
	for _, conns := range []int{1, 8, 32} {
		var direct figures
		for _, w := range ways {
			got, err := w.measure(web, cmp.Or(w.pid, srv.pid()), conns, b.duration)
			if err != nil {
				return fmt.Errorf("%s at %d: %w", w.name, conns, err)
			}
			if w.name == "direct" {
				direct = got
				continue
			}
			b.report.extra(s.engine, fmt.Sprintf("%s, %d at once, p50 over a direct request", w.name, conns), got.P50-direct.P50, "us",
				fmt.Sprintf("p50 %.0f us to %.0f us, p99 %.0f us to %.0f us, CPU %.0f us a request", got.P50, direct.P50, got.P99, direct.P99, got.ServerCPU))
		}
	}
	var rates [2]float64
	for i, w := range []*way{ways[0], ways[3]} {
		if rates[i], err = w.download(web); err != nil {
			return err
		}
	}
	b.report.extra(s.engine, "http-stream, 1 GB, of a direct download", 100*rates[1]/rates[0], "%", fmt.Sprintf("%.0f MB/s to %.0f MB/s", rates[1], rates[0]))
	return b.openStreams(ctx, s, srv, keys, stub.URL)
}

// requestsEach is how many requests of one agent are sent at once: it may have no more.
const requestsEach = 8

const (
	brokeredKey = "sk-of-the-stub-service-0123456789"
	gigabyte    = 1 << 30
)

// demanding answers to those alone who have the key.
func demanding(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+brokeredKey {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if waiting(w, r) {
		return
	}
	if r.URL.Path != "/large" {
		_, _ = io.WriteString(w, prose(1024))
		return
	}
	piece := []byte(prose(1 << 20))
	for range gigabyte / len(piece) {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

// mayUse keeps the key, binds it to the stub as a bearer and in other ways, and lets the fixture's agent use it.
func mayUse(ctx context.Context, srv *server, f *fixture, host string, ways ...client.Binding) error {
	c, _, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return err
	}
	if _, err := c.PutSecret(ctx, f.vault, "brokered/key", client.ValueOf(brokeredKey), client.PutOptions{Type: "api_key"}); err != nil {
		return err
	}
	if _, err := c.SetBindings(ctx, f.vault, "brokered/key", append(ways, client.Binding{Hosts: []string{host}})); err != nil {
		return err
	}
	_, err = c.CreatePolicy(ctx, f.vault, client.PolicyGrant{SecretPathPattern: "brokered/**", PrincipalType: "agent", PrincipalID: f.agentID, Permissions: []string{"use"}})
	return err
}

func directly(ctx context.Context, url string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+brokeredKey)
	}
	return r, err
}

const reference = "Bearer {{secret:brokered/key}}"

func asRequest(ctx context.Context, base, key, url string) (*http.Request, error) {
	body, err := json.Marshal(map[string]any{"method": http.MethodGet, "url": url, "headers": map[string]string{"Authorization": reference}})
	if err != nil {
		return nil, err
	}
	return posted(ctx, base+"/v1/http-request", key, "application/json", string(body))
}

func asStream(ctx context.Context, base, key, url string) (*http.Request, error) {
	line, err := json.Marshal(map[string]any{"method": http.MethodGet, "url": url, "headers": [][2]string{{"Authorization", reference}}})
	if err != nil {
		return nil, err
	}
	return posted(ctx, base+"/v1/http-stream", key, "application/vnd.oneclaw.http-stream", string(line)+"\n")
}

func posted(ctx context.Context, url, key, kind, body string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", kind)
	}
	return r, err
}

// way is how a request gets to the stub.
type way struct {
	name string
	pid  int // of what stands between; 0: the server
	ask  func(caller int, path string) (*http.Request, error)
}

// once sends one request and reads its answer.
func (w *way) once(web *http.Client, caller int, path string) (n int64, err error) {
	r, err := w.ask(caller, path)
	if err != nil {
		return 0, err
	}
	res, err := web.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return 0, errors.New(res.Status)
	}
	return io.Copy(io.Discard, bufio.NewReaderSize(res.Body, 256<<10))
}

// measure sends requests for a time, so many at once.
func (w *way) measure(web *http.Client, pid, conns int, length time.Duration) (figures, error) {
	if _, err := w.once(web, 0, "/"); err != nil { // it warms up
		return figures{}, err
	}
	before, err := usageNow(pid, 0)
	if err != nil {
		return figures{}, err
	}
	var mu sync.Mutex
	var took []uint32
	var failed error
	var wg sync.WaitGroup
	end := time.Now().Add(length)
	for caller := range conns {
		wg.Go(func() {
			var own []uint32
			var err error
			for err == nil && time.Now().Before(end) {
				began := time.Now()
				_, err = w.once(web, caller, "/")
				own = append(own, uint32(time.Since(began)))
			}
			mu.Lock()
			defer mu.Unlock()
			took, failed = append(took, own...), errors.Join(failed, err)
		})
	}
	wg.Wait()
	after, err := usageNow(pid, 0)
	if err = errors.Join(failed, err); err != nil {
		return figures{}, err
	}
	slices.Sort(took)
	return figures{P50: percentile(took, 50), P99: percentile(took, 99), ServerCPU: float64((after.server - before.server).Microseconds()) / float64(len(took))}, nil
}

// download is how many MB a second come of a gigabyte.
func (w *way) download(web *http.Client) (float64, error) {
	began := time.Now()
	n, err := w.once(web, 0, "/large")
	if err == nil && n < gigabyte {
		err = errors.New("the download is not whole")
	}
	return float64(n) / 1e6 / time.Since(began).Seconds(), err
}
