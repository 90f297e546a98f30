package broker

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Bindings returns where a secret may be used. Whoever may know of the path may ask, so that
// an agent finds out what it can do.
func (s *Service) Bindings(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (Bound, error) {
	if err := s.cfg.Vault.Over(ctx, c, vaultID, p, policy.ReadBindings); err != nil {
		return Bound{}, err
	}
	b, err := s.cfg.Store.Bindings(ctx, vaultID, p.String())
	if err != nil || len(b.List) == 0 {
		return b, err
	}
	if b.Setters, err = s.cfg.Store.BindingSetters(ctx, &b); err == nil {
		err = s.warn(ctx, c, &b, p)
	}
	return b, err
}

// SetBindings replaces where a secret may be used; an empty list takes all of it away. It is
// for people: whoever made the vault, owners and admins.
func (s *Service) SetBindings(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, list []binding.Binding) (Bound, error) {
	if err := s.cfg.Vault.Over(ctx, c, vaultID, p, policy.SetBindings); err != nil {
		return Bound{}, err
	}
	list, err := binding.Check(list)
	if err != nil {
		return Bound{}, err
	}
	b := Bound{ID: ids.New(), Org: c.Who.Org, Vault: vaultID, Path: p.String(), List: list, By: c.Who.ID, At: stamp.Of(c.Now)}
	if err := s.warn(ctx, c, &b, p); err != nil {
		return Bound{}, err
	}
	c.Event.Details.Outcome = audit.Success
	c.Event.Details.More = hosts(list)
	b.Setters, err = s.cfg.Store.SetBindings(ctx, &b, c.Event)
	return b, err
}

// warn notes that a value is too short to be sent, so that a person hears of it before an agent does. How many bytes a
// value has is known without opening it; a short password within a longer value is found at the use alone.
func (s *Service) warn(ctx context.Context, c *call.Call, b *Bound, p secretpath.Path) error {
	if len(b.List) == 0 || c.Who.Kind != policy.KindUser {
		return nil
	}
	n, there, err := s.cfg.Vault.Size(ctx, b.Vault, p)
	b.Short = there && n < binding.Shortest
	return err
}

// hosts says for the log where a secret may go now.
func hosts(list []binding.Binding) []audit.Field {
	return []audit.Field{audit.Number("bindings", uint64(len(list))), audit.Text("hosts", binding.Named(list, audit.MaxNamed))}
}
