package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Probe sees whether the keystore has the key of a vault, and whether it is the
// one that its values were sealed under: it opens the version of the path, which
// may be empty, and wipes the value. It is for the operator's checks, not for
// requests: nobody is asked whether he may.
func (s *Service) Probe(ctx context.Context, id, path string, version uint64) error {
	v, err := s.store.Vault(ctx, id)
	if err != nil {
		return err
	}
	probe, err := secretpath.Parse("probe")
	if err != nil {
		return err
	}
	if _, err := s.sealer.Seal(ctx, v.KEK(), ref(&v, probe, 1), secret.FromString("probe")); err != nil {
		return keyLost(err)
	}
	if path == "" {
		return nil
	}
	return s.OpenVersion(ctx, &v, path, version)
}

// OpenVersion sees whether a version opens, deleted or not, and wipes the value. It
// is for the operator's checks, as Probe is.
func (s *Service) OpenVersion(ctx context.Context, v *Vault, path string, version uint64) error {
	p, err := secretpath.Parse(path)
	if err != nil {
		return err
	}
	row, err := s.store.At(ctx, v.ID, path, version)
	if err != nil {
		return err
	}
	value, err := s.openBox(ctx, v, p, &row)
	value.Wipe()
	return err
}
