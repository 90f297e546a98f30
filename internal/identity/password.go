package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Cost is the parameters of Argon2id.
type Cost struct {
	Memory uint32 // KiB
	Time   uint32
	Lanes  uint8
}

// PasswordCost takes about 30 ms on the machines of 2026.
func PasswordCost() Cost { return Cost{Memory: 19 * 1024, Time: 2, Lanes: 1} }

// NobodysHash is what a password is compared with when there is no such user, so that
// it takes as long as if there were. No password has this hash.
func (s *Service) NobodysHash() string {
	return s.cfg.Passwords.encode(make([]byte, 16), make([]byte, 32))
}

// MaxPassword bounds what is hashed, in bytes.
const MaxPassword = 1024

func (c Cost) encode(salt, sum []byte) string {
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Lanes,
		e.EncodeToString(salt), e.EncodeToString(sum))
}

// decode reads a PHC string as encode writes it.
func decode(phc string) (c Cost, salt, sum []byte, ok bool) {
	f := strings.Split(phc, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, false
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Lanes); err != nil {
		return c, nil, nil, false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(f[4])
	sum, err2 := base64.RawStdEncoding.DecodeString(f[5])
	ok = err1 == nil && err2 == nil && len(sum) == 32 && c.Time >= 1 && c.Time <= 16 && c.Lanes >= 1 && c.Memory <= 1<<20
	return c, salt, sum, ok
}

// HashPassword returns the PHC string of a password with a new salt.
func (s *Service) HashPassword(ctx context.Context, password []byte) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	sum, err := s.derive(ctx, s.cfg.Passwords, password, salt)
	return s.cfg.Passwords.encode(salt, sum), err
}

// MatchPassword compares a password with a hash. stale says that the hash was made
// with other parameters than today's.
func (s *Service) MatchPassword(ctx context.Context, password []byte, phc string) (same, stale bool, err error) {
	c, salt, want, ok := decode(phc)
	if !ok {
		return false, false, fault.New(fault.Internal, "damaged_password_hash", "")
	}
	if len(password) > MaxPassword {
		password = password[:0] // no user has it, and it costs the same
	}
	got, err := s.derive(ctx, c, password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, c != s.cfg.Passwords, err
}

// derive waits for its turn, as long as the request lives.
func (s *Service) derive(ctx context.Context, c Cost, password, salt []byte) ([]byte, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "request_cancelled", "The request was given up before it was done.")
	}
	sum := make([]byte, 32)
	defer s.hashed.Store(true)
	erase.Do(func() { copy(sum, argon2.IDKey(password, salt, c.Time, c.Memory, c.Lanes, 32)) })
	return sum, nil
}
