//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	pageTimes = 60 // a page is opened so often, after a first time
	tails     = 200
	tailQuiet = 2 * time.Second // before the server is looked at
	tailWatch = 6 * time.Second // while its work is counted
)

// paging measures the dashboard as a browser sees it: the time of each page at few and at
// many secrets, what it sends, and what browsers that watch the log cost.
func (b *bench) paging(ctx context.Context, s *site, f *fixture) (err error) {
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	web, err := signedIn(ctx, srv, f.owner)
	if err != nil {
		return err
	}
	defer web.CloseIdleConnections()
	for _, n := range []int{10, 10_000} {
		vault, err := b.fill(ctx, srv, f, fmt.Sprintf("pages-%d", n), n)
		if err != nil {
			return err
		}
		c, _, err := asOwner(ctx, srv, f.owner)
		if err != nil {
			return err
		}
		list, err := c.SecretsPage(ctx, vault, "", 1, "")
		if err != nil {
			return err
		}
		first := "/vaults/" + vault + "/secret/" + list.Secrets[0].Path
		for _, p := range []struct{ name, path string }{
			{"home", "/"}, {"vaults", "/vaults"}, {"vault", "/vaults/" + vault}, {"search in a vault", "/vaults/" + vault + "?q=ey-99"},
			{"search", "/search?q=ey-99"}, {"secret", first}, {"policies", "/vaults/" + vault + "/policies"}, {"who can reach", first + "?tab=reach"},
			{"agents", "/agents"}, {"agent", "/agents/" + f.agentID}, {"inbox", "/inbox"}, {"audit log", "/audit"}, {"usage", "/usage"}, {"settings", "/settings"},
		} {
			if err := b.page(ctx, s, srv, web, fmt.Sprintf("page %s, %d secrets", p.name, n), p.path); err != nil {
				return err
			}
		}
	}
	return b.tailing(ctx, s, srv, web)
}

// signedIn is a browser that is signed in as the owner.
func signedIn(ctx context.Context, srv *server, l login) (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	web := &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: tails}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"email": {l.Email}, "password": {l.Password}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.url()+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := web.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("sign in to the dashboard: %s", res.Status)
	}
	return web, nil
}

// page opens a page over and over on one connection, and says how long it took to its last
// byte and how much came.
func (b *bench) page(ctx context.Context, s *site, srv *server, web *http.Client, name, path string) error {
	took := make([]time.Duration, 0, pageTimes)
	size := 0
	for i := range pageTimes + 1 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.url()+path, http.NoBody)
		if err != nil {
			return err
		}
		r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd") // as browsers do; what comes is counted as it is
		began := time.Now()
		res, err := web.Do(r)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			return err
		}
		if i > 0 {
			took = append(took, time.Since(began))
		}
		if size = len(body); res.StatusCode != http.StatusOK || bytes.Contains(body, []byte(`action="/login"`)) {
			return fmt.Errorf("%s: %s", path, res.Status)
		}
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.report.extra(s.engine, name, ms(took[len(took)/2]), "ms p50",
		fmt.Sprintf("p99 %.1f ms; %.1f kB over the wire", ms(took[len(took)*99/100]), float64(size)/1000))
	return nil
}

// tailing opens the log as it grows in as many browsers, and looks at the server while
// nothing happens.
func (b *bench) tailing(ctx context.Context, s *site, srv *server, web *http.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, _, err := memoryOf(srv.pid())
	if err != nil {
		return err
	}
	for i := range tails {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.url()+"/audit/tail", http.NoBody)
		if err != nil {
			return err
		}
		res, err := web.Do(r)
		if err != nil {
			return fmt.Errorf("tail %d: %w", i, err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("tail %d: %s", i, res.Status)
		}
		go func() { _, _ = io.Copy(io.Discard, res.Body) }()
	}
	time.Sleep(tailQuiet)
	began, err := usageNow(srv.pid(), 0)
	if err != nil {
		return err
	}
	time.Sleep(tailWatch)
	ended, err := usageNow(srv.pid(), 0)
	if err != nil {
		return err
	}
	after, _, err := memoryOf(srv.pid())
	if err != nil {
		return err
	}
	b.report.extra(s.engine, fmt.Sprintf("live tail of the log, %d browsers", tails), float64(after-before)/1e6, "MB resident",
		fmt.Sprintf("of %.0f MB in all; CPU %.1f %% of one", float64(after)/1e6, 100*(ended.server-began.server).Seconds()/tailWatch.Seconds()))
	return nil
}
