package broker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Refresh is one use of a stored refresh token, of the newest version of a secret.
type Refresh struct {
	Org, Vault, Path string
	Version          uint64
	Holder           string
	Rests            Rests
}

// Rests is the binding that a refresh rests on: an entry of a secret's bindings, or else an agent's binding.
type Rests struct {
	Binding  string // its id
	Entry    *binding.Binding
	Revision int64 // of an agent's binding
	SetBy    string
}

const (
	// Hold is how long a node has a refresh token for itself: longer than an authorization server may take. A node that
	// died leaves it to another then.
	Hold = 20 * time.Second
	// look is how often the others look whether it is free.
	look = 100 * time.Millisecond
	// moves is how often a right may move while a refresh token is stored.
	moves = 20
)

// ErrHeld says that another shows the refresh token to its server now.
var ErrHeld = fault.New(fault.Conflict, "refresh_token_held", "Another node refreshes this token now.")

// keeper is a mint.Keeper of one refresh.
type keeper struct {
	s   *Service
	of  Refresh
	was secret.Bytes                    // the secret with the refresh token that is stored
	may func(ctx context.Context) error // whether who set the binding may write the secret
}

// nobodys is a context whose writes rest on nobody's call: whoever hangs up, or loses a right meanwhile, does not keep a
// refresh token from being stored.
func nobodys(ctx context.Context) context.Context {
	var nobody *call.Basis
	return nobody.With(context.WithoutCancel(ctx))
}

// Begin implements mint.Keeper.
func (k *keeper) Begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(nobodys(ctx), Hold+time.Second)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		replaces, err := k.s.cfg.Store.HoldRefresh(ctx, &k.of, k.s.cfg.Now())
		switch {
		case err == nil && replaces: // it will be replaced again: better not used than lost
			if err = k.may(ctx); err != nil {
				k.End(ctx)
			}
			return err
		case !errors.Is(err, ErrHeld):
			return err
		}
		select {
		case <-ctx.Done():
			return mint.ErrNone
		case <-tick.C:
		}
	}
}

// End implements mint.Keeper.
func (k *keeper) End(ctx context.Context) {
	if err := k.s.cfg.Store.FreeRefresh(nobodys(ctx), &k.of); err != nil {
		k.s.cfg.Log.Warn("a refresh token could not be given free, which happens by itself soon", slog.Any("error", err))
	}
}

// Close implements mint.Keeper.
func (k *keeper) Close() { k.was.Wipe() }

// Replace implements mint.Keeper. The right of who set the binding is asked for until it holds at the commit.
func (k *keeper) Replace(ctx context.Context, next secret.Bytes) (err error) {
	ctx = nobodys(ctx)
	value, ok := mint.WithRefresh(k.was.Reveal(), next)
	if !ok {
		return mint.ErrRotated
	}
	defer value.Wipe()
	for range moves {
		seen := k.s.cfg.People.Seen()
		if err = k.may(ctx); err == nil {
			err = k.store(ctx, seen, value)
		}
		if !errors.Is(err, call.ErrMoved) {
			break
		}
		if err = k.s.cfg.People.Look(ctx); err != nil {
			break
		}
	}
	switch {
	case errors.Is(err, vault.ErrLast):
		err = nil
	case err != nil && !errors.Is(err, mint.ErrMoved):
		k.s.cfg.Log.Error("a new refresh token could not be stored: a human has to sign in there again",
			slog.String("vault", k.of.Vault), slog.String("path", k.of.Path), slog.Any("error", err))
	}
	if err != nil {
		k.End(ctx)
	}
	return err
}

func (k *keeper) store(ctx context.Context, seen int64, value secret.Bytes) error {
	p, err := secretpath.Parse(k.of.Path)
	if err != nil {
		return err
	}
	now := k.s.cfg.Now()
	return k.s.cfg.Vault.Renew(ctx, vault.Ref{Vault: k.of.Vault, Path: p, Version: k.of.Version}, "binding:"+k.of.Rests.Binding, now, value, func(sealed *vault.Version) error {
		ev := &audit.Event{
			ID: ids.New(), Org: k.of.Org, At: now, Action: string(policy.WriteSecret), ActorKind: string(policy.KindUser), ActorID: k.of.Rests.SetBy,
			ResourceType: "secret", ResourceID: k.of.Vault,
		}
		ev.Details = audit.Details{
			Outcome: audit.Success, Vault: k.of.Vault, Path: k.of.Path, Version: sealed.Meta.Version, Target: k.of.Rests.Binding,
			More: []audit.Field{audit.Text("how", "refresh"), audit.Text("binding", k.of.Rests.Binding)},
		}
		basis := &call.Basis{Org: k.of.Org, Epoch: seen, Event: ev}
		return k.s.cfg.Store.KeepRefreshed(basis.With(ctx), &k.of, sealed, now, ev)
	})
}

// setterMay is nil while who set an entry of a secret's bindings may write the secret.
func (s *Service) setterMay(org, setBy, vaultID string, p secretpath.Path) func(context.Context) error {
	return func(ctx context.Context) error {
		now := s.cfg.Now()
		who, err := s.cfg.People.PrincipalNow(ctx, policy.KindUser, setBy, org, now)
		if err == nil {
			err = s.cfg.Vault.MayRenew(ctx, who, policy.Moment{Now: now}, vaultID, p)
		}
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Denied) {
			err = mint.ErrNotKept
		}
		return err
	}
}
