package vault

import (
	"context"
	"errors"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Credentials is the name of the vault that holds the credentials of agents' bindings. It is closed:
// no grant and no role opens a value of it, only an execution of the binding does.
const Credentials = "__agent-bindings"

// SealCredential seals a credential for a binding of an agent, and hands it to store as a Version
// with its vault and a path of its own, to be written in one transaction with the binding. Both run
// again when another write came first. The operation around this decides whether the caller may.
func (s *Service) SealCredential(ctx context.Context, c *call.Call, agent string, value secret.Bytes, store func(sealed *Version) error) error {
	p, err := secretpath.Parse(credentialsOf(agent) + ids.New())
	if err != nil {
		return err
	}
	for {
		sealed, err := s.sealCredential(ctx, c, p, value)
		if err == nil {
			err = store(&sealed)
		}
		if !errors.Is(err, ErrStale) || ctx.Err() != nil {
			return err
		}
	}
}

func credentialsOf(agent string) string { return "agents/" + agent + "/bindings/" }

func (s *Service) sealCredential(ctx context.Context, c *call.Call, p secretpath.Path, value secret.Bytes) (Version, error) {
	v, err := s.ownVault(ctx, c, Credentials, "Credentials of agents' bindings")
	if err != nil {
		return Version{}, err
	}
	d := Draft{Value: value, Type: "token"}
	if err := d.check(c.Now); err != nil {
		return Version{}, err
	}
	return s.next(ctx, c, &v, p, d)
}

var errNoCredential = fault.New(fault.Conflict, "no_credential", "The binding has no credential any more. A human sets another.")

// OpenCredential runs with on the credential of an agent's binding. The caller was allowed to
// execute for that agent. record puts the use into the log before the value leaves; if it
// fails, nothing does. The value is wiped when with returns.
func (s *Service) OpenCredential(ctx context.Context, c *call.Call, agent, vaultID string, p secretpath.Path, record func(*Version) error, with func(*Secret) error) error {
	e, err := s.known.get(ctx, s.store, vaultID)
	if fault.Is(err, fault.NotFound) {
		return errNoCredential
	}
	if err != nil {
		return err
	}
	if e.vault.Org != c.Who.Org || !e.policyVault.Closed || !strings.HasPrefix(p.String(), credentialsOf(agent)) {
		return errNoCredential
	}
	c.Event.Details.Vault, c.Event.Details.Path = vaultID, p.String()
	err = s.door(ctx, c, e, Ref{Vault: vaultID, Path: p}, pass{func(v *Version) error {
		c.Event.Details.Version = v.Meta.Version
		if gone(v, c.Now) {
			return ErrGone
		}
		return nil
	}, record}, with)
	if fault.Is(err, fault.NotFound) {
		return errNoCredential
	}
	return err
}

// MayBind returns nil when whoever sets a binding may lend it what is at the path: it must be able to
// read it, as a person where a policy asks for approvals of reads.
func (s *Service) MayBind(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) error {
	e, err := s.known.get(ctx, s.store, vaultID)
	if err == nil && (e.vault.Org != c.Who.Org || !policy.Decide(c.Who, policy.ReadSecret, resource(e, p), c.At()).Allow) {
		err = errNoSecret
	}
	if fault.Is(err, fault.NotFound) {
		return errNoSecret
	}
	if err != nil {
		return err
	}
	if e.policies.Gated(vaultID, policy.Read, p.String()) {
		return c.RequirePerson()
	}
	if _, err = s.MayLend(ctx, c.Who, c.At(), vaultID, p); errors.Is(err, ErrLapsed) || errors.Is(err, ErrGone) {
		err = errNoSecret
	}
	return err
}
