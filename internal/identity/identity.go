// Package identity says who is calling: it makes a principal of a credential, and
// credentials of those who proved who they are.
//
// Its promise: a principal is built from what the database says now, never from
// what a token claims. A revoked token, a deactivated or expired agent, a
// rotated key and a changed password are dead at once (on other nodes within a
// second), and every credential that is refused is refused with the same fault.
// Keys, tokens and passwords are stored as hashes only, and a token is handed
// out only after its event is in the log.
package identity

import (
	"context"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Admission lets callers of an organisation in by their address.
type Admission interface {
	// Admit returns Denied when the organisation's IP rules keep the address out. For
	// a caller that is neither user nor agent only the rules for all callers count.
	Admit(ctx context.Context, org string, kind policy.PrincipalKind, ip netip.Addr) error
}

// Config is what a Service is made of.
type Config struct {
	Store     Store
	Keys      Keys
	Admission Admission // asked before a token is issued
	Log       *slog.Logger
	Now       func() time.Time

	Issuer   string // iss of tokens
	Audience string // aud of tokens
	// FormerUntil is until when tokens are taken that were issued before installations had
	// names (ADR 0071). Zero: none are.
	FormerUntil time.Time

	Passwords Cost // of hashes; zero: PasswordCost. Only tests have another
}

// Service is the methods of identity.
type Service struct {
	cfg      Config
	store    Store
	ring     *keyring
	parser   *parser
	known    *cache
	activity activity
	hashing  chan struct{} // bounds how many passwords are hashed at a time
	turns    turns
	hashed   atomic.Bool // since memory was last given back
}

// maxHashing bounds the memory that hashing takes, 19 MiB each.
const maxHashing = 2

// New returns a Service. It makes the first token key when the keystore has none.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Passwords == (Cost{}) {
		cfg.Passwords = PasswordCost()
	}
	ring, err := newKeyring(ctx, cfg.Keys, cfg.Now(), cfg.Log)
	if err != nil {
		return nil, err
	}
	known := newCache()
	cfg.Store.OnRevoke(known.revoke)
	return &Service{
		cfg: cfg, store: cfg.Store, ring: ring, parser: newParser(ring, cfg),
		known: known, activity: newActivity(), hashing: make(chan struct{}, maxHashing),
	}, nil
}

// Run works in the background until ctx ends: it writes when agents and keys
// were last used, and gives the memory of hashing back.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(activityEvery)
	defer tick.Stop()
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.FlushUse(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("times of last use were not written", slog.Any("error", err))
		}
		if now := s.cfg.Now(); now.Sub(swept).Abs() >= sweepEvery { // the clock may have been set back
			swept = now
			if err := s.store.Sweep(ctx, now, now.Add(-attemptUnseen)); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("what has ended could not be swept", slog.Any("error", err))
			}
		}
		// Each hash leaves 19 MiB behind that the collector, which sees a small
		// heap, would keep for minutes.
		if s.hashed.Swap(false) {
			debug.FreeOSMemory()
		}
	}
}

// Admit refuses callers of an organisation whose address its IP rules keep out.
func (s *Service) Admit(ctx context.Context, org string, kind policy.PrincipalKind, ip netip.Addr) error {
	return s.cfg.Admission.Admit(ctx, org, kind, ip)
}

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }
