package vault

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// errNoRenewal says that somebody may not write a path without being asked.
var errNoRenewal = fault.New(fault.Denied, "forbidden", "Whoever set the binding may not write the secret.")

// MayRenew returns nil while somebody may write a path, also without being there: where writes take an approval nobody may.
func (s *Service) MayRenew(ctx context.Context, who policy.Principal, at policy.Moment, vaultID string, p secretpath.Path) error {
	e, err := s.known.get(ctx, s.store, vaultID)
	if err != nil {
		return err
	}
	if e.vault.Org != who.Org || !policy.Decide(who, policy.WriteSecret, resource(e, p), at).Allow || e.policies.Gated(vaultID, policy.Write, p.String()) {
		return errNoRenewal
	}
	return nil
}

// Renew seals a value as the version that follows one, with all that is said of that one, and hands it to store, which
// keeps it only if that is the newest still. by is who the version is of. The caller decided about the write.
func (s *Service) Renew(ctx context.Context, at Ref, by string, now time.Time, value secret.Bytes, store func(sealed *Version) error) error {
	lock := s.writes.of(at.Vault, at.Path.String())
	lock.Lock()
	defer lock.Unlock()
	for {
		err := s.renew(ctx, at, by, now, value, store)
		if !errors.Is(err, ErrStale) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Service) renew(ctx context.Context, at Ref, by string, now time.Time, value secret.Bytes, store func(sealed *Version) error) error {
	in, err := s.store.Vault(ctx, at.Vault)
	if err != nil {
		return err
	}
	last, err := s.store.At(ctx, at.Vault, at.Path.String(), at.Version)
	if err != nil {
		return err
	}
	if in.CMEKFingerprint != "" || last.CMEK {
		return errMadeCMEK
	}
	v := Version{
		Meta: Meta{
			ID: ids.NewSorted(), Path: last.Path, Type: last.Type, Version: at.Version + 1, Metadata: last.Metadata, CreatedAt: stamp.Of(now), ExpiresAt: last.ExpiresAt,
		},
		Vault: in.ID, KEKGen: in.KEKGen, RotationPolicy: last.RotationPolicy, CreatedBy: by, MaxAccess: last.MaxAccess,
	}
	if v.Box, err = s.sealer.Seal(ctx, in.KEK(), ref(&in, at.Path, v.Meta.Version), value); err != nil {
		return s.keyMoved(ctx, &in, err)
	}
	if err := store(&v); err != nil {
		return err
	}
	s.wrote(in.Org)
	return nil
}

// ErrLast says that a use of a secret was the last that it has, so that nothing follows it.
var ErrLast = fault.New(fault.Gone, "secret_gone", "The secret was used as often as it may be.")
