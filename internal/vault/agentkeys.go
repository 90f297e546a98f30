package vault

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// AgentKeys is the name of the vault that holds the private halves of an
// organisation's agents' identity keys.
const AgentKeys = "__agent-keys"

// ReservedPrefix begins the names of vaults that are the server's own.
const ReservedPrefix = "__"

// Reserved reports whether a vault of that name is the server's own. It takes no place of
// a tier, nor does what is in it.
func Reserved(name string) bool { return strings.HasPrefix(name, ReservedPrefix) }

// looksReserved reports whether a name is, or looks like, one that only the
// server gives: whatever joins words counts as an underscore, and what does not
// show does not count.
func looksReserved(name string) bool {
	joins := 0
	for _, r := range name {
		switch {
		case unicode.Is(unicode.Pc, r):
			if joins++; joins == 2 {
				return true
			}
		case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Z, unicode.Other_Default_Ignorable_Code_Point):
		default:
			return false
		}
	}
	return false
}

// SealAgentKeys seals keys for the vault AgentKeys of the caller's organisation, and
// hands them to store as a []Version. keys are by their paths there. The vault is made
// when there is none. store writes the versions in one transaction with what they belong
// to. Both run again when another write came first. The operation around this decides
// whether the caller may, and records the event.
func (s *Service) SealAgentKeys(ctx context.Context, c *call.Call, keys map[string]secret.Bytes, store func(sealed any) error) error {
	for {
		all, err := s.sealAgentKeys(ctx, c, keys)
		if err == nil {
			err = store(all)
		}
		if !errors.Is(err, ErrStale) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Service) sealAgentKeys(ctx context.Context, c *call.Call, keys map[string]secret.Bytes) ([]Version, error) {
	v, err := s.ownVault(ctx, c, AgentKeys, "Identity keys of the organisation's agents")
	if err != nil {
		return nil, err
	}
	var all []Version
	for path, value := range keys {
		p, err := secretpath.Parse(path)
		if err != nil {
			return nil, err
		}
		d := Draft{Value: value, Type: "private_key"}
		if err := d.check(c.Now); err != nil {
			return nil, err
		}
		one, err := s.next(ctx, c, &v, p, d)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// ownVault finds or makes a vault of the server's own in the organisation, which nobody counts as
// the creator of: the creator of a vault may read all of it for ever. One of two that make it
// at the same moment wins, and the other finds that one's.
func (s *Service) ownVault(ctx context.Context, c *call.Call, name, description string) (Vault, error) {
	v, err := s.store.VaultNamed(ctx, c.Who.Org, name)
	if !fault.Is(err, fault.NotFound) {
		return v, err
	}
	v = Vault{
		ID: ids.New(), Org: c.Who.Org, Name: name, Description: description,
		CreatedBy: c.Who.Org, CreatedByKind: policy.KindUser, CreatedAt: stamp.Of(c.Now),
	}
	err = s.add(ctx, v, nil)
	if fault.Is(err, fault.Conflict) {
		return s.store.VaultNamed(ctx, c.Who.Org, name)
	}
	return v, err
}
