package transaction

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Keys are those of agents that lie in the keystore.
type Keys interface {
	// Active returns the id in the keystore and the account of an agent's key, or
	// found false.
	Active(ctx context.Context, agent string) (id string, address evm.Address, found bool, err error)
	// ByAddress returns the id of an agent's key that has an account, whether it is in use or was
	// replaced or deleted.
	ByAddress(ctx context.Context, agent string, of evm.Address) (id string, found bool, err error)
	// SignHash signs with a key of the keystore, whose account is by.
	SignHash(ctx context.Context, id string, h evm.Hash, by evm.Address) (evm.Signature, error)
}

// key is what signs: a key of the keystore, or a secret of a vault.
type key struct {
	address  evm.Address
	keystore string // id; empty: in a vault
	at       vault.Ref
	does     policy.Action // what the use of it is
}

var (
	errKeyPath  = fault.New(fault.Denied, "key_path_not_allowed", "signing_key_path is below keys/, wallets/ or the agent's own agents/ID/keys/.").Because("key_path_not_allowed")
	errNoKey    = fault.New(fault.NotFound, "signing_key_not_found", "The agent has no signing key that it may use here. Make one with: oneclaw key create --agent AGENT")
	errManyKeys = fault.New(fault.Conflict, "ambiguous_signing_key", "Several vaults have a key at this path: name the vault with the header X-Vault-ID.")
	errNotAKey  = fault.New(fault.Invalid, "invalid_signing_key", "The secret at this path is no private key: it is 32 bytes in hexadecimal.")
	errKeyType  = fault.New(fault.Denied, "signing_key_readable", "The secret at this path is not of the type private_key, so that an agent which signs with it may read it: a key signs only where no agent reads it. Store it again with --type private_key.").Because("signing_key_type")
	errOtherKey = fault.New(fault.Conflict, "signing_key_changed", "The signing key was replaced meanwhile. Try again.")
	errGoneKey  = fault.New(fault.Conflict, "signing_key_gone", "The key that signed this is deleted, expired, out of uses, or not yours to use, so that nothing can be signed in its place. "+
		"What a deleted key signed is not sent any more. A freeze of the agent keeps it from being sent, too: oneclaw freeze --agent AGENT")
	errClientKey = fault.New(fault.Denied, "signing_key_encrypted", "The vault's values are encrypted by its clients, so that the server can't sign with them.").Because("cmek")
)

// OwnKeyPath is where an agent's key of the keystore is named.
func OwnKeyPath(agent string) string { return "agents/" + agent + "/keys/ethereum" }

// keyFor finds what signs for an agent on a chain, and whose account it is. Without a path
// that is the agent's key in the keystore, if it has one, and else the secret at
// keys/CHAIN-signer (contract, section 7).
func (s *Service) keyFor(ctx context.Context, c *call.Call, a *Agent, chain *intents.Chain, d Draft) (key, error) {
	path := d.KeyPath
	if path == "" || path == OwnKeyPath(a.ID) {
		id, address, found, err := s.cfg.Keys.Active(ctx, a.ID)
		if err != nil {
			return key{}, err
		}
		if found {
			return key{address: address, keystore: id}, nil
		}
	}
	if path == "" {
		path = "keys/" + chain.Name + "-signer"
	}
	if !intents.SigningPath(path) || strings.HasPrefix(path, "agents/") && !strings.HasPrefix(path, "agents/"+a.ID+"/") {
		return key{}, errKeyPath
	}
	p, err := secretpath.Parse(path)
	if err != nil {
		return key{}, err
	}
	in, err := s.vaultOf(ctx, c, a, p, d.Vault)
	if err != nil {
		return key{}, err
	}
	k := key{at: vault.Ref{Vault: in, Path: p}, does: policy.UseSecret}
	return k, s.account(ctx, c, &k)
}

// keyThatSigned is the key of a transaction that a person cancels, whatever became of it since. A
// cancel pays nobody, so that a key which was replaced or deleted in the keystore signs it. One
// in a vault does for owners, admins and the vault's creator without a policy on its path, and
// for others as a policy lets them use it.
func (s *Service) keyThatSigned(ctx context.Context, c *call.Call, old *Tx, how *Replacement) (key, error) {
	id, found, err := s.cfg.Keys.ByAddress(ctx, old.Agent, old.From)
	if found || err != nil {
		return key{address: old.From, keystore: id}, err
	}
	all, err := s.cfg.Store.KeysOf(ctx, old.Org, old.From)
	if err != nil {
		return key{}, err
	}
	for _, at := range all {
		if how.Vault != "" && at.Vault != how.Vault || how.KeyPath != "" && at.Path.String() != how.KeyPath {
			continue
		}
		for _, does := range []policy.Action{policy.CancelWithSecret, policy.UseSecret} {
			may, err := s.cfg.Vault.May(ctx, c, does, at)
			if may || err != nil {
				return key{address: old.From, at: at, does: does}, err
			}
		}
	}
	return key{}, errGoneKey
}

// vaultOf is the one vault that has a secret at a path which the caller may use. What it may
// not use does not count, so that nobody learns where else there is one.
func (s *Service) vaultOf(ctx context.Context, c *call.Call, a *Agent, p secretpath.Path, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	all, err := s.cfg.Store.VaultsWith(ctx, a.Org, p.String())
	if err != nil {
		return "", err
	}
	var may []string
	for _, id := range all {
		ok, err := s.cfg.Vault.MayUse(ctx, c, id, p)
		if err != nil {
			return "", err
		}
		if ok {
			may = append(may, id)
		}
	}
	switch len(may) {
	case 0:
		return "", errNoKey
	case 1:
		return may[0], nil
	}
	return "", errManyKeys
}

// account finds whose account a key in a vault is. Where nobody has found that out for this
// version, the key is opened for it, which is a use with an event of its own. It takes off
// no read and no approval: nothing is signed, and an account is no secret.
func (s *Service) account(ctx context.Context, c *call.Call, k *key) error {
	v, err := s.cfg.Vault.Usable(ctx, c, k.at)
	if err != nil {
		return err
	}
	if v.CMEK {
		return errClientKey
	}
	if v.Type != "private_key" {
		return errKeyType
	}
	k.at.Version = v.Meta.Version
	known, err := s.cfg.Store.KeyAddress(ctx, v.ID)
	if err != nil {
		return err
	}
	if known != "" {
		k.address, err = evm.ParseAddress(known)
		return err
	}
	own := *c
	ev := *c.Event
	ev.ID, own.Event = ids.New(), &ev
	ev.Action = string(policy.UseSecret)
	at := k.at
	at.Looks = true
	at.Record = func(ctx context.Context, _ vault.Taking, ev *audit.Event) error { return s.cfg.Store.Append(ctx, ev) }
	err = s.cfg.Vault.Use(ctx, &own, at, policy.UseSecret, func(got *vault.Secret) error {
		signs, err := evm.ParseKey(got.Value.Reveal())
		if err != nil {
			return errNotAKey
		}
		defer signs.Wipe()
		k.address = signs.Address()
		return nil
	})
	if err != nil {
		if !ev.Committed { // the refusal is the request's
			*c.Event = withID(ev, c.Event.ID)
		}
		return err
	}
	return s.cfg.Store.PutKeyAddress(ctx, c.Who.Org, v.ID, k.address.String())
}

func withID(ev audit.Event, id string) audit.Event {
	ev.ID = id
	return ev
}
