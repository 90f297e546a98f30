//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

const (
	manyStreams  = 1000
	streamsEach  = 50              // of one agent, which may have 64
	streamsRest  = 2 * time.Second // before the server is looked at
	streamsWatch = 4 * time.Second // while its work is counted
)

// openStreams measures what the server holds, and does, while a thousand streams are open.
func (b *bench) openStreams(ctx context.Context, s *site, srv *server, keys []string, stub string) error {
	for _, kind := range []string{"idle", "dripping", "unread"} {
		if err := b.hold(ctx, s, srv, keys, stub, kind); err != nil {
			return fmt.Errorf("%s streams: %w", kind, err)
		}
	}
	return nil
}

// streamers are the keys of as many agents as a thousand streams take.
func streamers(ctx context.Context, srv *server, f *fixture) (keys []string, err error) {
	c, _, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return nil, err
	}
	for i := range manyStreams / streamsEach {
		a, err := c.CreateAgent(ctx, client.AgentCreate{Name: "streamer-" + strconv.Itoa(i)})
		if err != nil {
			return nil, err
		}
		keys = append(keys, string(a.APIKey.Reveal()))
		grant := client.PolicyGrant{SecretPathPattern: "brokered/**", PrincipalType: "agent", PrincipalID: a.Agent.ID, Permissions: []string{"use"}}
		if _, err := c.CreatePolicy(ctx, f.vault, grant); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// hold opens the streams, reads the first bytes of each, and looks at the server while no more is read.
func (b *bench) hold(ctx context.Context, s *site, srv *server, keys []string, stub, kind string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	defer web.CloseIdleConnections()
	before, _, err := memoryOf(srv.pid())
	if err != nil {
		return err
	}
	for i := range manyStreams {
		r, err := asStream(ctx, srv.url(), keys[i/streamsEach], stub+"/"+kind)
		if err != nil {
			return err
		}
		res, err := web.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if _, err := io.ReadFull(res.Body, make([]byte, len("{"))); err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %w", res.Status, err)
		}
		if kind == "dripping" {
			go func() { _, _ = io.Copy(io.Discard, res.Body) }()
		}
	}
	time.Sleep(streamsRest)
	began, err := usageNow(srv.pid(), 0)
	if err != nil {
		return err
	}
	time.Sleep(streamsWatch)
	ended, err := usageNow(srv.pid(), 0)
	if err != nil {
		return err
	}
	after, _, err := memoryOf(srv.pid())
	if err != nil {
		return err
	}
	b.report.extra(s.engine, fmt.Sprintf("http-stream, %d %s streams", manyStreams, kind), float64(after-before)/1e6, "MB resident",
		fmt.Sprintf("of %.0f MB in all; CPU %.1f %% of one", float64(after)/1e6, 100*(ended.server-began.server).Seconds()/streamsWatch.Seconds()))
	return nil
}

// waiting answers a request for a stream that stays open, and reports whether it was one.
func waiting(w http.ResponseWriter, r *http.Request) bool {
	flush := http.NewResponseController(w).Flush
	switch r.URL.Path {
	case "/idle":
		_, _ = io.WriteString(w, "data: hello\n\n")
		_ = flush()
		<-r.Context().Done()
	case "/dripping":
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, ".")
			_ = flush()
			<-tick.C
		}
	case "/unread":
		piece := []byte(prose(1 << 20))
		for r.Context().Err() == nil {
			if _, err := w.Write(piece); err != nil {
				break
			}
		}
	default:
		return false
	}
	return true
}
