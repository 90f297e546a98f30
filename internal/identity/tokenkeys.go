package identity

import (
	"context"
)

// PublicKeys returns the keys that tokens verify with, the one that signs first.
func (s *Service) PublicKeys(ctx context.Context) []PublicKey {
	return s.ring.current(ctx, s.cfg.Now()).order
}

// RotateTokenKey makes a new key that signs from now on. Tokens of the old ones
// stay good until they expire.
func (s *Service) RotateTokenKey(ctx context.Context) error {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	now := s.cfg.Now()
	set, err := s.ring.read(ctx, now)
	if err != nil {
		return err
	}
	if err := s.cfg.Keys.CreateSigner(ctx, keyID(set.next)); err != nil {
		return err
	}
	if set, err = s.ring.read(ctx, now); err != nil {
		return err
	}
	s.ring.set.Store(set)
	return nil
}

// AddTokenKey makes a new key that signs from the next look of each node on, at
// most ringAge later. It needs the keystore alone, so that a command can do it
// beside servers that run, and opens no other key: one of them may be damaged. It
// returns the id in the keystore.
func AddTokenKey(ctx context.Context, keys Keys) (string, error) {
	ids, err := keys.Signers(ctx)
	if err != nil {
		return "", err
	}
	next := 1
	for _, id := range ids {
		if n, ok := keyNumber(id); ok {
			next = max(next, n+1)
		}
	}
	return keyID(next), keys.CreateSigner(ctx, keyID(next))
}
