//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// turnsOfShroud is how often each of the two proxies is measured, for a part of the duration.
const turnsOfShroud = 10

// shrouding measures calls of models through Shroud, with all that it does, and through a bare
// proxy, in turns. The provider is a stub that answers at once, so that no model is measured.
func (b *bench) shrouding(ctx context.Context, s *site, f *fixture) (err error) {
	provider := httptest.NewServer(http.HandlerFunc(stubProvider))
	defer provider.Close()
	srv, err := s.upstream(provider.URL).start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	key, err := modelCaller(ctx, srv, f)
	if err != nil {
		return err
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	other, stop, err := b.startBare(ctx, addr.String(), provider.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, kind := range callsOfModels() {
		plain := calls{"http://" + addr.String(), "", kind.body, other, nil, 0}
		ours := calls{"http://" + srv.model.String(), key, kind.body, srv.pid(), nil, 0}
		for turn := range turnsOfShroud + 1 {
			for _, c := range []*calls{&plain, &ours} {
				if err := c.turn(ctx, b.duration/turnsOfShroud, turn > 0); err != nil { // the first warms up
					return fmt.Errorf("%s: %w", kind.name, err)
				}
			}
		}
		was, now := plain.figures(), ours.figures()
		b.report.extra(s.engine, kind.name+", p50 over a bare proxy", now.P50-was.P50, "us", fmt.Sprintf("%.0f us to %.0f us, %d calls", now.P50, was.P50, len(ours.took)))
		b.report.extra(s.engine, kind.name+", CPU to a bare proxy", now.ServerCPU/was.ServerCPU, "times", fmt.Sprintf("%.0f us to %.0f us a call", now.ServerCPU, was.ServerCPU))
	}
	return nil
}

// upstream is the site with another provider in the place of OpenAI.
func (s *site) upstream(url string) *site {
	with := *s
	with.env = append(slices.Clone(s.env), fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={"openai":%q}`, url))
	return &with
}

// callsOfModels are the calls that are measured.
func callsOfModels() []struct{ name, body string } {
	body := func(stream string) string {
		return `{"model":"gpt-5","max_tokens":200,"stream":` + stream + `,"messages":[{"role":"user","content":"` + prose(2048) + `"}]}`
	}
	return []struct{ name, body string }{{"model, whole", body("false")}, {"model, first byte", body("true")}}
}

// modelCaller lets the fixture's agent call models, with everything on, and returns its key.
func modelCaller(ctx context.Context, srv *server, f *fixture) (string, error) {
	c, jwt, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return "", err
	}
	_, err = c.CreatePolicy(ctx, f.vault, client.PolicyGrant{SecretPathPattern: "providers/**", PrincipalType: "agent", PrincipalID: f.agentID, Permissions: []string{"read"}})
	if err != nil {
		return "", err
	}
	_, err = c.PutSecret(ctx, f.vault, "providers/openai/api-key", client.ValueOf("sk-of-the-stub-provider-77"), client.PutOptions{Type: "api_key"})
	if err != nil {
		return "", err
	}
	return f.agentKey, prepare(ctx, srv.url(), jwt, "PATCH", "/v1/agents/"+f.agentID,
		`{"shroud_enabled":true,"shroud_config":{"daily_budget_usd":100000,"max_requests_per_day":100000000,"max_concurrent_streams":100,"filesystem_detection":{"enabled":true}}}`)
}

// calls are those through one proxy.
type calls struct {
	url, key, body string
	pid            int
	took           []uint32
	cpu            time.Duration
}

// turn makes calls one after the other for a time.
func (c *calls) turn(ctx context.Context, length time.Duration, counts bool) error {
	before, err := usageNow(c.pid, 0)
	for end := time.Now().Add(length); err == nil && time.Now().Before(end); {
		var took time.Duration
		if took, err = c.call(ctx); err == nil && counts {
			c.took = append(c.took, uint32(took))
		}
	}
	after, afterErr := usageNow(c.pid, 0)
	if counts {
		c.cpu += after.server - before.server
	}
	return errors.Join(err, afterErr)
}

// call is how long the first byte of an answer takes, or all of one that is no stream.
func (c *calls) call(ctx context.Context) (took time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/chat/completions", strings.NewReader(c.body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		r.Header.Set("X-Shroud-Agent-Key", c.key)
		r.Header.Set("X-Shroud-Provider", "openai")
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	first := make([]byte, 1)
	_, err = io.ReadFull(res.Body, first)
	took = time.Since(began)
	rest, more := io.ReadAll(res.Body)
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		took = time.Since(began)
	}
	if res.StatusCode != http.StatusOK || !bytes.Contains(rest, []byte("goes on")) {
		err = errors.Join(err, fmt.Errorf("%s: %s", res.Status, rest))
	}
	return took, errors.Join(err, more)
}

func (c *calls) figures() figures {
	slices.Sort(c.took)
	n := max(len(c.took), 1)
	return figures{P50: percentile(c.took, 50), ServerCPU: float64(c.cpu.Microseconds()) / float64(n)}
}

// bareProxy is the argument with which the bench is the proxy that Shroud is measured against.
const bareProxy = "bare-proxy"

// startBare starts this program as a bare proxy.
func (b *bench) startBare(ctx context.Context, addr, to string) (pid int, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, bareProxy, addr, to)
	cmd.Stderr = b.errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	stop = func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		return cmd.Wait()
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		res, err := http.Get("http://" + addr + "/")
		if err == nil {
			return cmd.Process.Pid, stop, res.Body.Close()
		}
		if time.Now().After(deadline) {
			return 0, nil, errors.Join(err, stop())
		}
	}
}

// prose is a text of n bytes in which no rule finds anything.
func prose(n int) string {
	return strings.Repeat("The quick brown fox jumps over the lazy dog, and the assistant goes on with its work. ", n/80+1)[:n]
}

// stubProvider answers as OpenAI's chat completions do.
func stubProvider(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	const usage = `"usage":{"prompt_tokens":500,"completion_tokens":200,"total_tokens":700}`
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"`+prose(800)+`"},"finish_reason":"stop"}],`+usage+`}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(s string) {
		_, _ = io.WriteString(w, "data: "+s+"\n\n")
		_ = http.NewResponseController(w).Flush()
	}
	for n := range 10 {
		event(fmt.Sprintf(`{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":%q}}]}`, prose(800)[80*n:80*n+80]))
	}
	event(`{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
	event(`{"id":"x","object":"chat.completion.chunk","choices":[],` + usage + `}`)
	event("[DONE]")
}
