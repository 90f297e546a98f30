package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Ref names a version of a secret. Version 0 is the newest.
type Ref struct {
	Vault   string
	Path    secretpath.Path
	Version uint64
	// Constraint is what the user of the secret demands of this use besides the grant. Nobody
	// is asked to approve what it refuses.
	Constraint policy.Constraint
	// Type, if set, decides over the type of the secret, which is known only once its version was found,
	// and before it is opened or its use recorded.
	Type func(secretType string) error
	// Record, if set, puts the use into the log instead of the store's own ways: in one
	// transaction with what the use takes off and with something of the user's own. What
	// it refuses is not used.
	Record func(ctx context.Context, t Taking, ev *audit.Event) error
	// Signs is what the use signs: an approval of it is for that alone, once. Nil: it signs
	// nothing.
	Signs *Signing
	// Looks is set where nothing that comes of the value is given out or signed. It needs no
	// approval.
	Looks bool
}

// Signing is one thing that a key signs: an approval names it by Path, and says it in Words.
type Signing struct{ Path, Words string }

// Taking is what a use takes off when it is recorded, beside the approval that the event
// names: with Limited one read of the version.
type Taking struct {
	Vault, Path string
	Version     uint64
	Limited     bool
}

// Use runs with on a secret that the caller may do a to, and wipes the value when
// with returns. The event is in the log before with runs; if it can't be, with does not
// run. A value that with keeps must be taken with Secret.Take.
//
// Denied is the same whether the path exists or not. Gone: expired, deleted, or
// read as often as it may.
func (s *Service) Use(ctx context.Context, c *call.Call, at Ref, a policy.Action, with func(*Secret) error) error {
	e, err := s.touch(ctx, c, at.Vault, at.Path)
	if err != nil {
		return err
	}
	r := resource(e, at.Path)
	r.Constraint = at.Constraint
	ad, err := s.admitted(ctx, c, a, e, r, &at)
	if err != nil {
		return err
	}
	may := func(v *Version) error {
		c.Event.Details.Version = v.Meta.Version
		if gone(v, c.Now) {
			return ErrGone
		}
		if at.Type != nil {
			if err := at.Type(v.Type); err != nil {
				return err
			}
		}
		if !c.Who.IntentsAPI {
			return nil
		}
		r := ad.resource
		r.SecretType = v.Type // only now is it known
		return c.Authorize(a, r)
	}
	record := func(v *Version) error {
		c.Event.Details.Outcome = audit.Success
		return ad.record(c, func(ev *audit.Event) error {
			switch {
			case at.Record != nil:
				return at.Record(ctx, Taking{v.Vault, v.Path, v.Meta.Version, v.MaxAccess > 0}, ev)
			case v.MaxAccess > 0:
				return s.store.Spend(ctx, v.Vault, v.Path, v.Meta.Version, ev)
			case ad.approval != "":
				return s.store.AppendApproved(ctx, ev)
			default:
				return s.store.Append(ctx, ev)
			}
		})
	}
	return s.door(ctx, c, e, at, pass{may, record}, func(got *Secret) error {
		got.Approval = ad.approval
		return with(got)
	})
}

// pass is how one use of a version is decided and recorded.
type pass struct {
	may    func(*Version) error // asked before the version is opened
	record func(*Version) error // puts the use into the log, before the value is given out
}

// door is the one way to a plaintext for whoever asks for it: what shows, uses or
// lends a value goes through it.
func (s *Service) door(ctx context.Context, c *call.Call, e *entry, at Ref, p pass, with func(*Secret) error) error {
	var got Secret
	read := func() (err error) {
		if at.Version == 0 {
			got.Version, err = s.store.Latest(ctx, at.Vault, at.Path.String())
		} else {
			got.Version, err = s.store.At(ctx, at.Vault, at.Path.String(), at.Version)
		}
		return err
	}
	if err := fetch(ctx, c.Room, &got.Version, read); err != nil {
		return err
	}
	if err := p.may(&got.Version); err != nil {
		return err
	}
	if len(got.Metadata) > 0 && !isJSON(got.Metadata) {
		return errMetadata
	}
	value, err := s.openBox(ctx, &e.vault, at.Path, &got.Version)
	if err != nil {
		return err
	}
	got.Value, got.Box.Ciphertext = value, nil // nobody needs the box any more, and the answer may take long to be sent
	defer func() { got.Value.Wipe() }()
	if err := p.record(&got.Version); err != nil {
		return err
	}
	return with(&got)
}

// Take moves the secret out of a use. Its new owner wipes the value.
func (s *Secret) Take() Secret {
	out := *s
	s.Value = secret.Bytes{}
	return out
}

// Reveal returns the newest version of a secret with its value, as Use does. Wipe the
// value.
func (s *Service) Reveal(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (out Secret, err error) {
	err = s.Use(ctx, c, Ref{Vault: vaultID, Path: p}, policy.ReadSecret, func(got *Secret) error { out = got.Take(); return nil })
	return out, err
}

// RevealVersion returns one version of a secret that may be an old one. It
// needs the right to read the path, and to be the vault's creator or an owner
// or admin.
func (s *Service) RevealVersion(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, version uint64) (out Secret, err error) {
	if version == 0 {
		return out, errNoSecret
	}
	c.Event.Action = string(policy.ReadSecretVersion)
	err = s.Use(ctx, c, Ref{Vault: vaultID, Path: p, Version: version}, policy.ReadSecretVersion, func(got *Secret) error { out = got.Take(); return nil })
	return out, err
}
