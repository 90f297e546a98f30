package vault

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"log/slog"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/cmek"
	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

var (
	errFingerprint = fault.New(fault.Invalid, "invalid_fingerprint", "A fingerprint is the SHA-256 of the key: 64 hexadecimal digits.")
	errCMEKOff     = fault.New(fault.Invalid, "cmek_not_enabled", "This vault has no customer-managed key.")
	errCMEKOther   = fault.New(fault.Invalid, "cmek_already_enabled",
		"This vault has another customer-managed key. Rotate it, or disable it first.")
	errKeyText = fault.New(fault.Invalid, "invalid_cmek_key", "x-cmek-old-key and x-cmek-new-key must each be 32 bytes in base64.")
	errOldKey  = fault.New(fault.Invalid, "cmek_key_mismatch", "x-cmek-old-key is not the key that this vault's fingerprint names.")
	errNewKey  = fault.New(fault.Invalid, "cmek_key_mismatch", "x-cmek-new-key is not the key that new_fingerprint names.")
	errSameKey = fault.New(fault.Invalid, "cmek_same_key", "The new key is the old one.")
)

// EnableCMEK notes that clients encrypt what they write to the vault from now on
// with the key of that fingerprint. What is there already stays as it is.
func (s *Service) EnableCMEK(ctx context.Context, c *call.Call, id, fingerprint string) (Vault, error) {
	return s.setCMEK(ctx, c, id, policy.EnableCMEK, func(v *Vault) (string, error) {
		is, err := parseFingerprint(fingerprint)
		switch {
		case err != nil:
			return "", err
		case v.CMEKFingerprint != "" && v.CMEKFingerprint != is:
			return "", errCMEKOther
		}
		return is, nil
	})
}

// DisableCMEK notes that clients do not encrypt what they write from now on.
// Versions that they did encrypt stay so, and say so.
func (s *Service) DisableCMEK(ctx context.Context, c *call.Call, id string) (Vault, error) {
	return s.setCMEK(ctx, c, id, policy.DisableCMEK, func(v *Vault) (string, error) {
		if v.CMEKFingerprint == "" {
			return "", errCMEKOff
		}
		return "", nil
	})
}

func (s *Service) setCMEK(ctx context.Context, c *call.Call, id string, a policy.Action, next func(*Vault) (string, error)) (Vault, error) {
	e, err := s.open(ctx, c, id)
	if err != nil {
		return Vault{}, err
	}
	if err := c.Authorize(a, resource(e, secretpath.Path{})); err != nil {
		return Vault{}, err
	}
	v, err := s.store.Vault(ctx, id) // not of the cache: the fingerprint decides
	if err != nil {
		return Vault{}, err
	}
	was := v.CMEKFingerprint
	if v.CMEKFingerprint, err = next(&v); err != nil {
		return Vault{}, err
	}
	c.Event.Details.Outcome = audit.Success
	return v, s.store.SetCMEK(ctx, v.Org, v.ID, was, v.CMEKFingerprint, c.Event)
}

func parseFingerprint(text string) (string, error) {
	text = strings.ToLower(text)
	if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return "", errFingerprint
	}
	return text, nil
}

// Rotation is a request to move a vault to another key of the client: both keys
// as they were sent.
type Rotation struct {
	OldKey, NewKey string // base64
	NewFingerprint string
}

// RotateCMEK begins to move every value that clients encrypted to a new key. The
// vault names the new key from now on; the job does the rest.
func (s *Service) RotateCMEK(ctx context.Context, c *call.Call, id string, r Rotation) (Job, error) {
	e, err := s.open(ctx, c, id)
	if err != nil {
		return Job{}, err
	}
	if err := c.Authorize(policy.RotateCMEK, resource(e, secretpath.Path{})); err != nil {
		return Job{}, err
	}
	j := newJob(c, &e.vault, JobCMEK)
	keys, err := r.keys(&j)
	if err != nil {
		return Job{}, err
	}
	defer keys.Wipe()
	if err := s.mayRotate(ctx, &j); err != nil {
		return Job{}, err
	}
	if j.Total, err = s.store.CountVersions(ctx, id, true); err != nil {
		return Job{}, err
	}
	if err := s.keys.CreateKEK(ctx, j.KEK()); err != nil {
		return Job{}, err
	}
	if j.Keys, err = s.sealer.Seal(ctx, j.KEK(), j.ref(), keys); err == nil {
		j, err = s.begin(ctx, c, j)
	}
	if errIsFinal(err) {
		if err := s.keys.DestroyKEK(context.WithoutCancel(ctx), j.KEK()); err != nil {
			s.log.Warn("the key of a job that did not begin stays", slog.String("key", j.KEK()), slog.Any("error", err))
		}
	}
	return j, err
}

// errIsFinal reports whether a write was surely not done.
func errIsFinal(err error) bool { return err != nil && !fault.Is(err, fault.Unavailable) }

// mayRotate compares with the stored fingerprint. A rotation that has failed may
// be asked for again with the same keys: it goes on where it ended.
func (s *Service) mayRotate(ctx context.Context, j *Job) error {
	v, err := s.store.Vault(ctx, j.Vault)
	switch {
	case err != nil:
		return err
	case v.CMEKFingerprint == "":
		return errCMEKOff
	case v.CMEKFingerprint == j.OldFingerprint:
		return nil
	case v.CMEKFingerprint != j.NewFingerprint:
		return errOldKey
	}
	last, err := s.store.LastJob(ctx, j.Vault, JobCMEK)
	if fault.Is(err, fault.NotFound) || err == nil && (last.OldFingerprint != j.OldFingerprint || last.NewFingerprint != j.NewFingerprint) {
		return errOldKey
	}
	if err == nil && last.Status == JobCompleted {
		return errOldKey
	}
	return err
}

// keys decodes the two keys, one behind the other, and holds them to their
// fingerprints, which it fills in.
func (r *Rotation) keys(j *Job) (secret.Bytes, error) {
	both := secret.New(make([]byte, 2*cmek.KeySize))
	var err error
	erase.Do(func() { err = r.decode(both.Reveal(), j) })
	if err != nil {
		both.Wipe()
		return secret.Bytes{}, err
	}
	return both, nil
}

func (r *Rotation) decode(both []byte, j *Job) error {
	old, next := both[:cmek.KeySize], both[cmek.KeySize:]
	is, err := parseFingerprint(r.NewFingerprint)
	switch {
	case err != nil:
	case !decodeKey(old, r.OldKey) || !decodeKey(next, r.NewKey):
		err = errKeyText
	case subtle.ConstantTimeCompare(old, next) == 1:
		err = errSameKey
	case cmek.Fingerprint(next) != is:
		err = errNewKey
	}
	if err == nil {
		j.OldFingerprint, j.NewFingerprint = cmek.Fingerprint(old), is
	}
	return err
}

// decodeKey takes both alphabets of base64, with padding or without.
func decodeKey(key []byte, text string) bool {
	if len(text) > 64 {
		return false
	}
	var in, b [64]byte
	defer clear(in[:])
	defer clear(b[:])
	n := copy(in[:], strings.TrimRight(text, "="))
	for i, c := range in[:n] {
		switch c {
		case '-':
			in[i] = '+'
		case '_':
			in[i] = '/'
		}
	}
	n, err := base64.RawStdEncoding.Strict().Decode(b[:], in[:n])
	return err == nil && n == len(key) && copy(key, b[:n]) == n
}

// CMEKRotation returns a job that RotateCMEK began.
func (s *Service) CMEKRotation(ctx context.Context, c *call.Call, id, job string) (Job, error) {
	return s.job(ctx, c, id, policy.ReadCMEK, JobCMEK, job)
}

func newJob(c *call.Call, v *Vault, kind JobKind) Job {
	return Job{
		ID: ids.New(), Org: v.Org, Vault: v.ID, Kind: kind, Status: JobPending,
		CreatedBy: string(c.Who.Kind) + ":" + c.Who.ID, CreatedAt: stamp.Of(c.Now),
	}
}
