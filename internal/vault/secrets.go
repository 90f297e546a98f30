package vault

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// openBox opens v. Its key may have been replaced and destroyed since the row was
// read: then the row has another, and is read again into v.
func (s *Service) openBox(ctx context.Context, in *Vault, p secretpath.Path, v *Version) (secret.Bytes, error) {
	for {
		value, err := s.sealer.Open(ctx, kekID(in.ID, v.KEKGen), ref(in, p, v.Meta.Version), v.Box)
		if !fault.Is(err, fault.NotFound) {
			return value, keyLost(err)
		}
		now, readErr := s.store.At(ctx, in.ID, p.String(), v.Meta.Version)
		if readErr != nil {
			return secret.Bytes{}, readErr
		}
		if now.KEKGen == v.KEKGen {
			return secret.Bytes{}, keyLost(err)
		}
		*v = now
	}
}

// keyLost turns "no such key" of the keystore into a failure of the server: the
// vault is there, so its key should be.
func keyLost(err error) error {
	return seal.KeyLost(err)
}

// keyMoved is ErrStale when a key is not there because the vault has a newer one
// than in, which came of a cache.
func (s *Service) keyMoved(ctx context.Context, in *Vault, err error) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	now, readErr := s.store.Vault(ctx, in.ID)
	switch {
	case readErr != nil:
		return readErr
	case now.KEKGen != in.KEKGen:
		return ErrStale
	}
	return keyLost(err)
}

func gone(v *Version, now time.Time) bool {
	return !v.DeletedAt.IsZero() || (!v.ExpiresAt.IsZero() && !now.Before(v.ExpiresAt)) ||
		(v.MaxAccess > 0 && v.AccessCount >= v.MaxAccess)
}

func ref(v *Vault, p secretpath.Path, version uint64) seal.Ref {
	return seal.Ref{Org: v.Org, Vault: v.ID, Path: p.String(), Version: version}
}

// Draft is what a write brings.
type Draft struct {
	Value          secret.Bytes
	Type           string // empty: the stored type, or generic
	Metadata       []byte // JSON object; nil: {}
	RotationPolicy []byte // JSON object; nil: {}
	ExpiresAt      time.Time
	MaxAccess      int64
	generated      bool // by the server, which has no key of the client's to encrypt it with
}

// Put stores a new version of a secret, creating the path, or reviving it after
// a deletion. The new version has a fresh data key and a fresh access count.
func (s *Service) Put(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, d Draft) (Meta, error) {
	return s.PutFor(ctx, c, vaultID, p, policy.WriteSecret, d, func(v *Version, ev *audit.Event) error {
		return s.store.PutVersion(ctx, c.Who.Org, *v, ev)
	})
}

// write stores d as the next version of p. ev may be nil: then the write is part
// of another's request, whose event is recorded elsewhere.
func (s *Service) write(ctx context.Context, c *call.Call, v *Vault, p secretpath.Path, d Draft, ev *audit.Event) (Meta, error) {
	return s.writeBy(ctx, c, v, p, d, ev, func(next *Version) error { return s.store.PutVersion(ctx, v.Org, *next, ev) })
}

// writeBy is write with what stores the version.
func (s *Service) writeBy(ctx context.Context, c *call.Call, v *Vault, p secretpath.Path, d Draft, ev *audit.Event, store func(*Version) error) (Meta, error) {
	lock := s.writes.of(v.ID, p.String())
	lock.Lock()
	defer lock.Unlock()
	for {
		m, err := s.put(ctx, c, v, p, d, ev, store)
		// Another node wrote the path since it was read, or the vault has moved to
		// another key. Each turn means that somebody made progress, so this ends.
		if !errors.Is(err, ErrStale) || ctx.Err() != nil {
			return m, err
		}
		now, err := s.store.Vault(ctx, v.ID)
		if err != nil {
			return Meta{}, err
		}
		v = &now
	}
}

func (s *Service) put(ctx context.Context, c *call.Call, in *Vault, p secretpath.Path, d Draft, ev *audit.Event, store func(*Version) error) (Meta, error) {
	v, err := s.next(ctx, c, in, p, d)
	if err != nil {
		return Meta{}, err
	}
	if ev != nil {
		ev.Details.Outcome, ev.Details.Version = audit.Success, v.Meta.Version
	}
	if err := store(&v); err != nil {
		return Meta{}, err
	}
	s.wrote(in.Org)
	return v.Meta, nil
}

// next seals the version that follows the newest of a path.
func (s *Service) next(ctx context.Context, c *call.Call, in *Vault, p secretpath.Path, d Draft) (Version, error) {
	if d.generated && in.CMEKFingerprint != "" {
		return Version{}, errMadeCMEK
	}
	last, err := s.store.Tip(ctx, in.ID, p.String())
	if err != nil {
		return Version{}, err
	}
	v := Version{
		Meta: Meta{
			ID: ids.NewSorted(), Path: p.String(), Type: d.Type, Version: last.Version + 1,
			Metadata: d.Metadata, CreatedAt: stamp.Of(c.Now), ExpiresAt: d.ExpiresAt,
		},
		Vault: in.ID, KEKGen: in.KEKGen, RotationPolicy: d.RotationPolicy, CMEK: in.CMEKFingerprint != "",
		CreatedBy: string(c.Who.Kind) + ":" + c.Who.ID, MaxAccess: d.MaxAccess,
	}
	if v.Type == "" {
		v.Type = last.Type
	}
	if v.Type == "" {
		v.Type = "generic"
	}
	if d.Type == "" && !v.CMEK {
		if v.Type, err = d.typed(v.Type, p.String()); err != nil {
			return Version{}, err
		}
	}
	if !v.CMEK {
		if err := checkSeed(v.Type, d.Value, c.Now); err != nil {
			return Version{}, err
		}
	}
	if v.Box, err = s.sealer.Seal(ctx, in.KEK(), ref(in, p, v.Meta.Version), d.Value); err != nil {
		return Version{}, s.keyMoved(ctx, in, err)
	}
	return v, nil
}

// Delete soft-deletes a path: reads answer Gone, its versions stay, and Restore
// brings it back.
func (s *Service) Delete(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) error {
	_, err := s.setDeleted(ctx, c, vaultID, p, policy.DeleteSecret, c.Now)
	return err
}

// Restore brings a soft-deleted path back.
func (s *Service) Restore(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (Meta, error) {
	return s.setDeleted(ctx, c, vaultID, p, policy.RestoreSecret, time.Time{})
}

func (s *Service) setDeleted(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, a policy.Action, at time.Time) (Meta, error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return Meta{}, err
	}
	ad, err := s.admit(ctx, c, a, e, resource(e, p))
	if err != nil {
		return Meta{}, err
	}
	c.Event.Details.Outcome = audit.Success
	var m Meta
	err = ad.record(c, func(ev *audit.Event) (err error) {
		m, err = s.store.SetDeleted(ctx, vaultID, p.String(), at, ev)
		return err
	})
	s.wrote(e.vault.Org)
	return m, err
}

// Purge removes every version of a path for good. Should the path be written
// again, its numbers go on where they ended.
func (s *Service) Purge(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) error {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return err
	}
	if err := c.Authorize(policy.PurgeSecret, resource(e, p)); err != nil {
		return err
	}
	c.Event.Details.Outcome = audit.Success
	return s.store.Purge(ctx, vaultID, p.String(), c.Event)
}

// DisableVersion keeps one version from being opened again, by whoever asks and for
// good: a value that got out stays unused, and the versions beside it stay. Where it is the
// newest, reads of the path answer Gone until another is written.
func (s *Service) DisableVersion(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, version uint64) error {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return err
	}
	if err := c.Authorize(policy.DisableVersion, resource(e, p)); err != nil {
		return err
	}
	c.Event.Details.Outcome, c.Event.Details.Version = audit.Success, version
	return s.store.DisableVersion(ctx, vaultID, p.String(), version, stamp.Of(c.Now), c.Event)
}

// Versions returns every version of a path, newest first, without values.
func (s *Service) Versions(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) ([]Version, error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return nil, err
	}
	if err := c.Authorize(policy.ListVersions, resource(e, p)); err != nil {
		return nil, err
	}
	all, err := s.store.Versions(ctx, vaultID, p.String())
	if err == nil && len(all) == 0 {
		err = errNoSecret
	}
	return all, err
}

// touch opens the vault and names the secret in the call's event.
func (s *Service) touch(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (*entry, error) {
	e, err := s.open(ctx, c, vaultID)
	if err != nil {
		return nil, err
	}
	c.Event.Details.Path = p.String()
	c.Touch("secret", vaultID)
	return e, nil
}
