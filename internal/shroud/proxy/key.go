package proxy

import (
	"context"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// key finds the provider's key for a call (contract shroud.md, section 3): the one in the
// header, the secret that the header names, or the one at providers/PROVIDER/api-key,
// on the agent's own rights. The place is that of a key from a vault: its use is in the
// log then, with what the call takes from the agent's limits.
func (p *Proxy) key(ctx context.Context, c *call.Call, a *asked, out *cleared) (at vault.Ref, err error) {
	if a.keyRef != "" && !strings.HasPrefix(a.keyRef, "vault://") {
		out.key = secret.FromString(a.keyRef)
		return at, nil
	}
	if at, err = p.keyAt(ctx, c, a); err != nil {
		return at, err
	}
	if err := fits(a.to.name, at.Path.String()); err != nil {
		return at, err
	}
	at.Type = ofType
	var refused error
	if out.spend.Counted() {
		at.Record = func(ctx context.Context, t vault.Taking, ev *audit.Event) error {
			refused = out.spend.Take(ctx, &t, ev)
			return refused
		}
	}
	err = p.cfg.Vault.Use(ctx, c, at, policy.UseSecret, func(got *vault.Secret) error {
		taken := got.Take()
		out.key, out.given = taken.Value, taken.Approval
		return nil
	})
	if refused != nil {
		return at, refused
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) && fault.ReasonOf(err) == string(policy.ReasonNoPolicy) {
		return at, errNoKey
	}
	return at, err
}

// fits reports whether the secret at a path may be sent to a provider as its key: not what signs or opens
// something, and no other provider's key.
func fits(provider, path string) error {
	first, rest, _ := strings.Cut(path, "/")
	switch of, _, _ := strings.Cut(rest, "/"); {
	case first == "keys" || first == "wallets" || first == "agents":
		return errNotAKey
	case first == "providers" && of != provider && !(of == "gemini" && provider == "google"):
		return errOthersKey
	}
	return nil
}

// ofType refuses secrets that sign or open something, wherever they are.
func ofType(secretType string) error {
	if secretType == "private_key" || secretType == "ssh_key" {
		return errNotAKey
	}
	return nil
}

func (p *Proxy) keyAt(ctx context.Context, c *call.Call, a *asked) (vault.Ref, error) {
	if rest, ok := strings.CutPrefix(a.keyRef, "vault://"); ok {
		return p.keyNamed(ctx, c, rest)
	}
	at, err := secretpath.Parse("providers/" + a.to.name + "/api-key")
	if err != nil {
		return vault.Ref{}, errNoKey // a provider that the operator named in no way of paths
	}
	all, err := p.cfg.Vault.With(ctx, c, at.String())
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

// keyNamed reads VAULT/PATH. The vault is one of the caller's organisation, by its id or its exact
// name, of which there is one; a slash in a name is written as %2F. A name answers alike where no
// vault has it and where the agent may not use what is at the path.
func (p *Proxy) keyNamed(ctx context.Context, c *call.Call, ref string) (vault.Ref, error) {
	in, path, _ := strings.Cut(ref, "/")
	at, err := secretpath.Parse(path)
	if err != nil || in == "" {
		return vault.Ref{}, errKeyRef
	}
	if ids.Valid(in) {
		return vault.Ref{Vault: in, Path: at}, nil
	}
	name, err := url.PathUnescape(in)
	if err != nil {
		return vault.Ref{}, errKeyRef
	}
	v, err := p.cfg.Store.VaultNamed(ctx, c.Who.Org, name)
	if fault.Is(err, fault.NotFound) {
		return vault.Ref{}, errNoKey
	}
	if err != nil {
		return vault.Ref{}, err
	}
	may, err := p.cfg.Vault.MayUse(ctx, c, v.ID, at)
	if err == nil && !may {
		err = errNoKey
	}
	return vault.Ref{Vault: v.ID, Path: at}, err
}
