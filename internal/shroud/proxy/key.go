package proxy

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// key is the provider's key for a call (contract shroud.md, section 3): the one in the
// header, the secret that the header names, or the one at providers/PROVIDER/api-key,
// on the agent's own rights. Wipe it. The place is that of a key from a vault: its use is in the
// log then, with what the call takes from the agent's limits.
func (p *Proxy) key(ctx context.Context, c *call.Call, a *asked, of *spend.Reservation) (key secret.Bytes, at vault.Ref, err error) {
	if a.keyRef != "" && !strings.HasPrefix(a.keyRef, "vault://") {
		return secret.FromString(a.keyRef), at, nil
	}
	if at, err = p.keyAt(ctx, c, a); err != nil {
		return key, at, err
	}
	var refused error
	if of.Counted() {
		at.Record = func(ctx context.Context, t vault.Taking, ev *audit.Event) error {
			refused = of.Take(ctx, &t, ev)
			return refused
		}
	}
	err = p.cfg.Vault.Use(ctx, c, at, policy.UseSecret, func(got *vault.Secret) error {
		taken := got.Take()
		key = taken.Value
		return nil
	})
	if refused != nil {
		return key, at, refused
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) && fault.ReasonOf(err) == string(policy.ReasonNoPolicy) {
		return key, at, errNoKey
	}
	return key, at, err
}

func (p *Proxy) keyAt(ctx context.Context, c *call.Call, a *asked) (vault.Ref, error) {
	if rest, ok := strings.CutPrefix(a.keyRef, "vault://"); ok {
		id, path, _ := strings.Cut(rest, "/")
		at, err := secretpath.Parse(path)
		if err != nil || !ids.Valid(id) {
			return vault.Ref{}, errKeyRef
		}
		return vault.Ref{Vault: id, Path: at}, nil
	}
	at, err := secretpath.Parse("providers/" + a.to.name + "/api-key")
	if err != nil {
		return vault.Ref{}, errNoKey // a provider that the operator named in no way of paths
	}
	all, err := p.vaultsWith(ctx, c, at.String())
	if err != nil {
		return vault.Ref{}, err
	}
	found := ""
	for _, id := range all {
		may, err := p.cfg.Vault.MayUse(ctx, c, id, at)
		switch {
		case err != nil:
			return vault.Ref{}, err
		case may && found != "":
			return vault.Ref{}, errTooMany
		case may:
			found = id
		}
	}
	if found == "" {
		return vault.Ref{}, errNoKey
	}
	return vault.Ref{Vault: found, Path: at}, nil
}
