//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// fixture is what the cases work on: a vault of secrets, and an agent that may
// read and write them.
type fixture struct {
	owner    login
	vault    string
	agentID  string
	agentKey string
	agentJWT string
	large    string // the vault of the case scale
}

func (s *site) owner() (l login, err error) {
	if s.command != "dev" {
		return serveOwner, nil
	}
	b, err := os.ReadFile(s.credentials())
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	return l, err
}

// build makes the fixture on a fresh server.
func (b *bench) build(ctx context.Context, s *site, srv *server) (f fixture, err error) {
	if f.owner, err = s.owner(); err != nil {
		return f, err
	}
	c, _, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return f, err
	}
	a, err := c.CreateAgent(ctx, client.AgentCreate{Name: "bench"})
	if err != nil {
		return f, fmt.Errorf("create the agent: %w", err)
	}
	f.agentID, f.agentKey = a.Agent.ID, string(a.APIKey.Reveal())
	if f.vault, err = b.fill(ctx, srv, &f, "bench", b.secrets); err != nil {
		return f, err
	}
	t, err := c.ExchangeAgentKey(ctx, a.APIKey)
	if err != nil {
		return f, fmt.Errorf("exchange the agent's key: %w", err)
	}
	f.agentJWT = string(t.AccessToken.Reveal())
	return f, nil
}

// asOwner logs in. A user's token lasts 15 minutes, so who needs one asks anew.
func asOwner(ctx context.Context, srv *server, l login) (*client.Client, string, error) {
	c, err := client.New(srv.url())
	if err != nil {
		return nil, "", err
	}
	t, err := c.Login(ctx, l.Email, client.ValueOf(l.Password))
	if err != nil {
		return nil, "", fmt.Errorf("log in: %w", err)
	}
	jwt := string(t.AccessToken.Reveal())
	return c.UsingToken(jwt), jwt, nil
}

// fill makes a vault with n secrets and lets the agent read and write them.
func (b *bench) fill(ctx context.Context, srv *server, f *fixture, name string, n int) (vault string, err error) {
	c, jwt, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return "", err
	}
	v, err := c.CreateVault(ctx, name, "")
	if err != nil {
		return "", fmt.Errorf("create a vault: %w", err)
	}
	_, err = c.CreatePolicy(ctx, v.ID, client.PolicyGrant{
		SecretPathPattern: "api-keys/*", PrincipalType: "agent", PrincipalID: f.agentID, Permissions: []string{"read", "write"},
	})
	if err != nil {
		return "", fmt.Errorf("create a policy: %w", err)
	}
	q := writeOf(v.ID, jwt, n)
	q.inOrder = true
	l := load{addr: srv.addr, conns: min(32, n), next: q.template(srv.addr).next, mark: func() {}}
	out, err := l.run(ctx)
	if err == nil {
		err = out.first
	}
	if err != nil {
		return "", fmt.Errorf("fill a vault: %w", err)
	}
	b.say("vault %s: %d secrets written in %v", name, n, out.elapsed.Round(time.Millisecond))
	return v.ID, f.check(ctx, srv, v.ID, n)
}

// check makes sure, through a client of its own, that the vault is what the
// cases are about.
func (f *fixture) check(ctx context.Context, srv *server, vault string, n int) error {
	c, err := client.New(srv.url(), client.WithAgentKey(f.agentKey))
	if err != nil {
		return err
	}
	list, err := c.ListSecrets(ctx, vault, "")
	if err != nil {
		return fmt.Errorf("list the vault: %w", err)
	}
	if len(list) != n {
		return fmt.Errorf("the vault holds %d secrets, not %d", len(list), n)
	}
	s, err := c.GetSecret(ctx, vault, list[n/2].Path)
	if err != nil {
		return fmt.Errorf("read a secret: %w", err)
	}
	if s.Value.Len() < 50 {
		return fmt.Errorf("a secret came back with %d bytes", s.Value.Len())
	}
	return nil
}

// request is the request of a case.
func (f *fixture) request(name string, o *options) request {
	switch name {
	case readJWT:
		return readOf(f.vault, f.agentJWT, o.secrets)
	case readKey:
		return readOf(f.vault, f.agentKey, o.secrets)
	case list:
		return listOf(f.vault, f.agentJWT)
	case token:
		return exchangeOf(f.agentKey)
	default:
		return writeOf(f.vault, f.agentJWT, o.secrets)
	}
}
