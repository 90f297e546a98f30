package vault

import (
	"context"
	"sync/atomic"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Watched is the newest version of a secret that a caller may use.
type Watched struct {
	Vault, Path, Type string
	Version           uint64
}

// Watch finds what the caller may read or use, or may once a human approves it, so that whoever
// looks after the caller's traffic knows the values: nothing of it is shown to anybody,
// and no read or approval is taken off. It stops after most secrets: more is true then.
func (s *Service) Watch(ctx context.Context, c *call.Call, most int) (all []Watched, more bool, err error) {
	who := c.Who.Unrouted() // what the agent may use is looked for with every credential of it
	vaults, err := s.store.Vaults(ctx, c.Who.Org)
	if err != nil {
		return nil, false, err
	}
	for i := range vaults {
		e, err := s.known.get(ctx, s.store, vaults[i].ID)
		if fault.Is(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, false, err
		}
		if !policy.Decide(who, policy.ListSecrets, resource(e, secretpath.Path{}), c.At()).Allow {
			continue
		}
		l := &Listing{s: s, vaultID: vaults[i].ID, left: -1, page: listPage, who: who, at: c.At()}
		l.view = e.policies.View(l.who, e.policyVault, l.at)
		l.search.Prefix = l.view.Prefix()
		for {
			rows, err := l.Page(ctx)
			if err != nil {
				return nil, false, err
			}
			if len(rows) == 0 {
				break
			}
			for _, m := range rows {
				if !s.readable(c, e, m) {
					continue
				}
				if len(all) == most {
					return all, true, nil
				}
				all = append(all, Watched{Vault: vaults[i].ID, Path: m.Path, Type: m.Type, Version: m.Version})
			}
		}
	}
	return all, false, nil
}

func (s *Service) readable(c *call.Call, e *entry, m *Meta) bool {
	p, err := secretpath.Parse(m.Path)
	if err != nil {
		return false // a damaged row; whoever reads it is told
	}
	r := resource(e, p)
	r.SecretType = m.Type
	for _, a := range [...]policy.Action{policy.ReadSecret, policy.UseSecret} {
		if a == policy.UseSecret && (m.Type == "private_key" || m.Type == "ssh_key") {
			break // it signs, and is opened for nothing else
		}
		if d := policy.Decide(c.Who.Unrouted(), a, r, c.At()); d.Allow || d.Reason == policy.ReasonApprovalRequired {
			return true
		}
	}
	return false
}

// OpenWatched opens what Watch found and calls take with each value, which is take's to
// keep and wipe. Before the first is opened one event is in the log, with their number. What is
// gone meanwhile, and what its clients encrypt, is left out.
func (s *Service) OpenWatched(ctx context.Context, c *call.Call, which []Watched, take func(Watched, secret.Bytes)) error {
	if len(which) == 0 {
		return nil
	}
	own, ev := *c, *c.Event
	ev.ID, ev.Action, own.Event = ids.New(), string(policy.WatchModel), &ev
	ev.ResourceType, ev.ResourceID = "secret", ""
	ev.Details = audit.Details{Outcome: audit.Success, Token: ev.Details.Token, Count: uint64(len(which))}
	if err := s.store.Append(ctx, &ev); err != nil {
		return err
	}
	for _, w := range which {
		p, err := secretpath.Parse(w.Path)
		if err != nil {
			return err
		}
		e, err := s.known.of(ctx, s.store, c.Who.Org, w.Vault)
		if fault.Is(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		open := pass{
			may: func(v *Version) error {
				if v.CMEK || gone(v, c.Now) || !s.readable(c, e, &v.Meta) {
					return ErrGone
				}
				return nil
			},
			record: func(*Version) error { return nil }, // they have one event together
		}
		err = s.door(ctx, &own, e, Ref{Vault: w.Vault, Path: p, Version: w.Version}, open, func(got *Secret) error {
			taken := got.Take()
			take(w, taken.Value)
			return nil
		})
		if err != nil && !fault.Is(err, fault.Gone) && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// Writes changes whenever this node has written to a secret of the organisation.
func (s *Service) Writes(org string) uint64 {
	if n, ok := s.written.Load(org); ok {
		return n.(*atomic.Uint64).Load() //nolint:forcetypeassert // nothing else is put there
	}
	return 0
}

func (s *Service) wrote(org string) {
	n, ok := s.written.Load(org)
	if !ok {
		n, _ = s.written.LoadOrStore(org, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(1) //nolint:forcetypeassert // nothing else is put there
}
