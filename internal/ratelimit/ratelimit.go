// Package ratelimit counts requests against token buckets: by address, by network, by
// principal, by organisation.
//
// Its promise: its memory is bounded whatever keys come, and nodes that share a place
// together let through no more than one bucket holds.
package ratelimit

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/network"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Rate is a token bucket: so many requests a second, with so many at once. The
// zero Rate does not limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limits are the rates in force (contract section 0, 429).
type Limits struct {
	Auth      Rate // per address: login, sign-up, failed key exchanges
	Address   Rate // per address that is not loopback, all routes
	Principal Rate // per principal, all routes; off by default
	Invites   Rate // per organisation: invitations mailed
	Invited   Rate // per organisation and address that is invited
	Shared    Shared
}

// DefaultLimits are the contract's. The one per principal is off: a self-hosted
// server should not throttle its own fleet.
func DefaultLimits() Limits {
	return Limits{
		Auth: Rate{PerSecond: 1, Burst: 5}, Address: Rate{PerSecond: 100, Burst: 200},
		Invites: Rate{PerSecond: 1.0 / 60, Burst: 30}, Invited: Rate{PerSecond: 1.0 / 600, Burst: 3},
	}
}

// Limiter is the limits at work.
type Limiter struct{ auth, addr, who, invites, invited buckets }

// New returns a limiter with full buckets.
func New(l Limits) *Limiter {
	return &Limiter{
		auth: newBuckets(l.Auth).sharedAs("auth", l.Shared), addr: newBuckets(l.Address).sharedAs("address", l.Shared),
		who:     newBuckets(l.Principal).sharedAs("principal", l.Shared),
		invites: newBuckets(l.Invites).sharedAs("invites", l.Shared), invited: newBuckets(l.Invited).sharedAs("invited", l.Shared),
	}
}

// Address counts a request, whatever it asks for. Those from this machine do not
// count: they are the operator's own, or come through a proxy that was not named.
func (l *Limiter) Address(ip netip.Addr, now time.Time) error {
	if l.addr.rate.PerSecond <= 0 || ip.IsLoopback() {
		return nil
	}
	return l.addr.take(network.Of(ip), now)
}

// Attempt counts an attempt at a password, code or key. Of key exchanges only those
// that failed are counted: a good key is never limited, so a fleet behind one
// address can't be locked out by a bad neighbour.
func (l *Limiter) Attempt(ip netip.Addr, now time.Time) error {
	return l.auth.take(network.Of(ip), now)
}

// Principal counts a request of a user or agent.
func (l *Limiter) Principal(who policy.Principal, now time.Time) error {
	if l.who.rate.PerSecond <= 0 {
		return nil
	}
	return l.who.take(string(who.Kind)+who.ID, now)
}

// Invite counts a mail that an organisation is about to send, in all and to
// whom it goes. What other organisations send does not count: its answer would
// tell of them.
func (l *Limiter) Invite(org, to string, now time.Time) error {
	if err := l.invites.take(org, now); err != nil {
		return err
	}
	return l.invited.take(org+strings.ToLower(strings.TrimSpace(to)), now)
}

// buckets are token buckets by key. Memory is bounded: when a shard is full,
// the buckets that have refilled are forgotten, and if none has, all are.
type buckets struct {
	rate   Rate
	seed   maphash.Seed
	shards *[16]shard
	nodes  *common // nil: this node is alone
}

type shard struct {
	mu sync.Mutex
	by map[string]*bucket
}

type bucket struct {
	*rate.Limiter
	lease
}

const maxShard = 4096

func newBuckets(r Rate) buckets {
	return buckets{rate: r, seed: maphash.MakeSeed(), shards: &[16]shard{}}
}

func (b *buckets) take(key string, now time.Time) error {
	if b.rate.PerSecond <= 0 {
		return nil
	}
	mine, wait := b.local(key, now)
	if wait == 0 && b.nodes != nil {
		wait = b.nodes.take(mine, key, b.rate, now)
	}
	if wait == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.RateLimited, Code: "rate_limited", RetryAfter: wait,
		Detail: "Too many requests. Wait as long as the Retry-After header says."}
}

// local counts a request in this node's memory.
func (b *buckets) local(key string, now time.Time) (*bucket, time.Duration) {
	s := &b.shards[maphash.String(b.seed, key)%uint64(len(b.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.by[key]
	if l == nil {
		if len(s.by) >= maxShard {
			s.forget(now, b.rate.Burst)
		}
		if s.by == nil {
			s.by = map[string]*bucket{}
		}
		l = &bucket{Limiter: rate.NewLimiter(rate.Limit(b.rate.PerSecond), b.rate.Burst)}
		s.by[key] = l
	}
	res := l.ReserveN(now, 1)
	wait := res.DelayFrom(now)
	if wait > 0 {
		res.CancelAt(now)
	}
	return l, wait
}

func (s *shard) forget(now time.Time, burst int) {
	for k, l := range s.by {
		if l.TokensAt(now) >= float64(burst) {
			delete(s.by, k)
		}
	}
	if len(s.by) >= maxShard {
		clear(s.by)
	}
}
