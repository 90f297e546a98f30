package executor

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Credential is what a client sends of a credential. Zero: none was sent.
type Credential struct {
	Type        string       // execution.Inline or execution.VaultRef; empty: as the rest says
	Value       secret.Bytes // JSON: a text or an object, of an inline one
	Vault, Path string       // of one that is lent from a vault
}

func (k *Credential) sent() bool { return k.Value.Len() > 0 || k.lent() }

func (k *Credential) lent() bool { return k.Vault != "" || k.Path != "" }

// Change is what a client sends of a binding. Fields that are nil were left out.
type Change struct {
	Name, Type string // of a new one
	execution.Sent
	Credential Credential
	Active     *bool
}

func (ch *Change) places() bool {
	return len(ch.Config) > 0 || len(ch.Guardrails) > 0 || ch.Hosts != nil || ch.Paths != nil
}

var (
	errBoth   = fault.New(fault.Invalid, "invalid_credential", "A credential is either inline or vault_ref, and a vault_ref names vault_id and path.")
	errNone   = fault.New(fault.Invalid, "invalid_credential", "Send credential: the one that takes the place of the one before.")
	errOthers = fault.New(fault.Denied, "credential_of_another",
		"Another person set this binding's credential. Send a credential of your own with the change: yours is not theirs to send elsewhere.").Because("credential_of_another")
)

// Bindings returns an agent's bindings, the oldest first. No credential is in them.
func (s *Service) Bindings(ctx context.Context, c *call.Call, agent string) ([]execution.Binding, error) {
	if _, err := s.over(ctx, c, agent, policy.ListAgentBindings); err != nil {
		return nil, err
	}
	return s.cfg.Store.AgentBindings(ctx, c.Who.Org, agent)
}

// Binding returns one of them.
func (s *Service) Binding(ctx context.Context, c *call.Call, agent, id string) (execution.Binding, error) {
	_, b, err := s.binding(ctx, c, agent, id, policy.ReadAgentBinding)
	return b, err
}

// Create makes a binding.
func (s *Service) Create(ctx context.Context, c *call.Call, agent string, ch Change) (execution.Binding, error) {
	if _, err := s.over(ctx, c, agent, policy.CreateAgentBinding); err != nil {
		return execution.Binding{}, err
	}
	at := stamp.Of(c.Now)
	b := execution.Binding{
		ID: ids.New(), Org: c.Who.Org, Agent: agent, Name: ch.Name, Type: ch.Type, Active: ch.Active == nil || *ch.Active,
		Revision: 1, CreatedAt: at, UpdatedAt: at,
	}
	b.Held = !b.Active && c.Who.Manages()
	if err := execution.CheckName(b.Name); err != nil {
		return b, err
	}
	if err := b.Set(ch.Sent); err != nil {
		return b, err
	}
	if err := c.RequirePersonToLast(); err != nil {
		return b, err
	}
	vouch(c, &b)
	err := s.put(ctx, c, &b, &ch.Credential, func(sealed *vault.Version) error {
		return s.cfg.Store.AddAgentBinding(ctx, &b, sealed, c.Event)
	})
	return b, err
}

// Update changes a binding. Where its credential may go is changed by whoever set that alone, or
// with another credential: else one who manages the agent could send it to a host of its own.
func (s *Service) Update(ctx context.Context, c *call.Call, agent, id string, ch Change) (execution.Binding, error) {
	return s.change(ctx, c, agent, id, policy.UpdateAgentBinding, ch)
}

// Rotate replaces a binding's credential. The one before is deleted.
func (s *Service) Rotate(ctx context.Context, c *call.Call, agent, id string, k Credential) (execution.Binding, error) {
	return s.change(ctx, c, agent, id, policy.RotateAgentCredential, Change{Credential: k})
}

func (s *Service) change(ctx context.Context, c *call.Call, agent, id string, a policy.Action, ch Change) (execution.Binding, error) {
	_, b, err := s.binding(ctx, c, agent, id, a)
	if err != nil {
		return b, err
	}
	if a == policy.RotateAgentCredential && !ch.Credential.sent() {
		return b, errNone
	}
	narrows := !ch.places() && !ch.Credential.sent() && (ch.Active == nil || !*ch.Active)
	if !narrows {
		if err := c.RequirePersonToLast(); err != nil {
			return b, err
		}
	}
	if ch.places() {
		if b.Source != "" && !ch.Credential.sent() && b.SetBy != c.Who.ID {
			return b, errOthers
		}
		if err := b.Set(ch.Sent); err != nil {
			return b, err
		}
	}
	if err := hold(&b, ch.Active, c.Who.Manages()); err != nil {
		return b, err
	}
	b.UpdatedAt = stamp.Of(c.Now)
	k := &ch.Credential
	if ch.places() && !k.sent() && b.Source == execution.VaultRef {
		k = &Credential{Vault: b.Vault, Path: b.Path} // lent anew, for other places
	}
	if ch.places() || k.sent() {
		vouch(c, &b)
	}
	err = s.put(ctx, c, &b, k, func(sealed *vault.Version) error {
		return s.cfg.Store.ChangeAgentBinding(ctx, &b, sealed, narrows, c.Event)
	})
	return b, err
}

var errHeld = fault.New(fault.Denied, "set_by_manager",
	"An owner or admin switched this binding off, and only an owner or admin switches it on.")

// hold switches a binding on or off: what who manages the organisation switched off stays so
// until one of those switches it on.
func hold(b *execution.Binding, active *bool, manages bool) error {
	switch {
	case active == nil:
		return nil
	case manages:
		b.Held = !*active
	case b.Held && *active:
		return errHeld
	}
	b.Active = *active
	return nil
}

// vouch notes who answers for a binding from now on.
func vouch(c *call.Call, b *execution.Binding) {
	b.SetBy, b.SetScopes, b.SetIP, b.SetAt, b.InPerson = c.Who.ID, c.Who.Scopes, c.IP, stamp.Of(c.Now), c.PersonHere()
}

// put stores a binding with the credential that was sent for it, if one was.
func (s *Service) put(ctx context.Context, c *call.Call, b *execution.Binding, k *Credential, store func(*vault.Version) error) error {
	done := func(sealed *vault.Version) error {
		c.Event.Details.Target, c.Event.Details.Outcome = b.ID, audit.Success
		c.Event.Details.More = told(b)
		return store(sealed)
	}
	switch {
	case k.Type == "" && !k.sent():
		return done(nil)
	case k.Type == execution.Inline && (k.lent() || !k.sent()), k.Type == execution.VaultRef && !k.lent(), k.lent() && (k.Value.Len() > 0 || !ids.Valid(k.Vault)):
		return errBoth
	case k.lent():
		p, err := secretpath.Parse(k.Path)
		if err != nil {
			return err
		}
		if err := s.cfg.Vault.MayBind(ctx, c, k.Vault, p); err != nil {
			return err
		}
		b.Source, b.Vault, b.Path = execution.VaultRef, k.Vault, p.String()
		c.Event.Details.Vault, c.Event.Details.Path = b.Vault, b.Path
		return done(nil)
	}
	kept, err := b.CheckCredential(k.Value)
	if err != nil {
		return err
	}
	defer kept.Wipe()
	return s.cfg.Vault.SealCredential(ctx, c, b.Agent, kept, func(sealed *vault.Version) error {
		b.Source, b.Vault, b.Path = execution.Inline, sealed.Vault, sealed.Path
		return done(sealed)
	})
}

// told is what the log says of a binding that was set: its type and the hosts it is for.
func told(b *execution.Binding) []audit.Field {
	return []audit.Field{audit.Text("type", b.Type), audit.Text("source", b.Source), audit.Text("hosts", b.Where())}
}

// Delete deletes a binding with its credential. An execution that is under way is shown nothing.
func (s *Service) Delete(ctx context.Context, c *call.Call, agent, id string) error {
	_, b, err := s.binding(ctx, c, agent, id, policy.DeleteAgentBinding)
	if err != nil {
		return err
	}
	c.Event.Details.Outcome = audit.Success
	return s.cfg.Store.DeleteAgentBinding(ctx, c.Who.Org, agent, b.ID, c.Event)
}
