package identity

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// HashPassphrase returns the Argon2id hash of a passphrase. It waits for its turn
// with the hashing of passwords.
func (s *Service) HashPassphrase(ctx context.Context, passphrase secret.Bytes) (string, error) {
	return s.HashPassword(ctx, passphrase.Reveal())
}

// MatchesPassphrase compares a passphrase with its hash.
func (s *Service) MatchesPassphrase(ctx context.Context, passphrase secret.Bytes, hash string) (bool, error) {
	same, _, err := s.MatchPassword(ctx, passphrase.Reveal(), hash)
	return same, err
}
