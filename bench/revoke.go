//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// policiesOfRevoke is how many policies the vault has that others read from.
const policiesOfRevoke = 3000

// strangerRates are how often a second a stranger does it while others read: an agent of
// the same organisation that may do nothing exchanges its key and revokes the token.
// The first is what the default limit of an address, 100 requests a second, lets
// through; loopback has none, so the second goes beyond it.
func strangerRates() []int { return []int{50, 200} }

// revoking compares reads from a vault of many policies on a quiet server with those
// while the stranger goes on, in turns on the same server. What the stranger costs by
// itself is measured too: it takes that from the reads however little it disturbs.
func (b *bench) revoking(ctx context.Context, s *site, f *fixture) (err error) {
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	vault, stranger, err := b.policies(ctx, srv, f)
	if err != nil {
		return err
	}
	q := readOf(vault, f.agentJWT, b.secrets)
	for _, often := range strangerRates() {
		if err := b.besides(ctx, s, srv, q, stranger, often); err != nil {
			return err
		}
	}
	return nil
}

// besides compares the reads with those beside a stranger of a rate.
func (b *bench) besides(ctx context.Context, s *site, srv *server, q request, stranger client.Value, often int) error {
	const conns = 8
	alone, err := b.strangerAlone(ctx, s, srv, stranger, often)
	if err != nil {
		return err
	}
	var quiet, noisy []figures
	for range 2 {
		row, err := b.measure(ctx, s, srv, "read, quiet", conns, q)
		if err != nil {
			return err
		}
		quiet = append(quiet, row)
		stop := b.revokeInLoop(ctx, srv, stranger, often)
		row, err = b.measure(ctx, s, srv, fmt.Sprintf("read, %d revokes", often), conns, q)
		did, strangerErr := stop()
		if err = errors.Join(err, strangerErr); err != nil {
			return err
		}
		b.say("the stranger revoked %d tokens", did)
		noisy = append(noisy, row)
	}
	rate := func(l []figures) float64 { return (l[0].Rate + l[1].Rate) / 2 }
	cpu := func(l []figures) float64 { return (l[0].ServerCPU + l[1].ServerCPU) / 2 }
	net := cpu(noisy) - alone*1e6/rate(noisy)
	name := fmt.Sprintf("reads while one revokes %d/s to quiet", often)
	b.report.extra(s.engine, name, rate(noisy)/rate(quiet), "times", fmt.Sprintf("%.0f to %.0f reads a second", rate(noisy), rate(quiet)))
	b.report.extra(s.engine, "server CPU of a read, likewise", net/cpu(quiet), "times",
		fmt.Sprintf("without the stranger's own %.3f processors; %.0f us to %.0f us with them", alone, cpu(noisy), cpu(quiet)))
	return nil
}

// policies makes a vault whose policies are many, of which one lets the fixture's
// agent in, and the stranger.
func (b *bench) policies(ctx context.Context, srv *server, f *fixture) (vault string, stranger client.Value, err error) {
	if vault, err = b.fill(ctx, srv, f, "bench-policies", b.secrets); err != nil {
		return "", stranger, err
	}
	c, _, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return "", stranger, err
	}
	a, err := c.CreateAgent(ctx, client.AgentCreate{Name: "stranger"})
	if err != nil {
		return "", stranger, err
	}
	b.say("vault bench-policies: %d policies", policiesOfRevoke)
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() {
			for n := i; n < policiesOfRevoke-1 && errs[i] == nil; n += len(errs) {
				_, errs[i] = c.CreatePolicy(ctx, vault, client.PolicyGrant{
					SecretPathPattern: fmt.Sprintf("other/%d/*", n), PrincipalType: "agent", PrincipalID: f.agentID, Permissions: []string{"read"},
				})
			}
		})
	}
	wg.Wait()
	return vault, a.APIKey, errors.Join(errs...)
}

// revokeInLoop starts the stranger; what it returns ends it and tells how often it
// revoked a token.
func (b *bench) revokeInLoop(ctx context.Context, srv *server, key client.Value, often int) (stop func() (int, error)) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	n := 0
	go func() {
		c, err := client.New(srv.url())
		tick := time.NewTicker(time.Second / time.Duration(often))
		defer tick.Stop()
		for err == nil && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
			var t *client.AgentToken
			if t, err = c.ExchangeAgentKey(context.WithoutCancel(ctx), key); err == nil {
				err = c.UsingToken(string(t.AccessToken.Reveal())).Logout(context.WithoutCancel(ctx))
				n++
			}
		}
		done <- err
	}()
	return func() (int, error) {
		cancel()
		err := <-done
		return n, err
	}
}

// strangerAlone is how many processors the server needs for the stranger.
func (b *bench) strangerAlone(ctx context.Context, s *site, srv *server, key client.Value, often int) (float64, error) {
	stop := b.revokeInLoop(ctx, srv, key, often)
	began := time.Now()
	before, err := usageNow(srv.pid(), s.databasePID)
	time.Sleep(b.duration)
	after, afterErr := usageNow(srv.pid(), s.databasePID)
	_, strangerErr := stop()
	return after.minus(before).server.Seconds() / time.Since(began).Seconds(), errors.Join(err, afterErr, strangerErr)
}
