package sharing

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Limits on what an organisation may do.
const (
	// Window and PerWindow: so many shares may be made in any such time.
	Window    = time.Minute
	PerWindow = 10
	// Keep is how long the row of a share that ended stays.
	Keep = 30 * 24 * time.Hour
	// LetterWindow is how far back letters count.
	LetterWindow = time.Hour
	// MaxLetters is how many letters about shares one address gets within LetterWindow,
	// from whomever.
	MaxLetters = 3
)

// Crowded refuses one more share in an organisation that made PerWindow within Window. The
// first of those was made at a time.
func Crowded(first, now time.Time) error {
	return &fault.Error{
		Kind: fault.RateLimited, Code: "rate_limited", RetryAfter: max(first.Add(Window).Sub(now), time.Second),
		Detail: "An organisation may make 10 shares a minute. Wait as long as the Retry-After header says.",
	}
}

// Letters are those about shares that one address had within LetterWindow: from all, and of
// them from the organisation that shares with it now.
type Letters struct{ All, Own int64 }

// Tells reports whether the address gets one more.
func (l Letters) Tells() bool { return l.All < MaxLetters }

// Warns reports whether the organisation is told that it does not: of what others do there
// nobody hears.
func (l Letters) Warns() bool { return l.Own >= MaxLetters }

// Passphrases: after every wrongTries wrong ones a share is locked, a minute at
// first, twice as long each time, a day at most.
const (
	wrongTries = 10
	firstLock  = time.Minute
	longLock   = 24 * time.Hour
)

// Tries are the passphrases that were tried at a share and not taken back, and until when
// it is locked.
type Tries struct {
	Failed int64
	Locked time.Time
}

// Next counts one that is about to be compared as if it were wrong, or refuses it while
// the share is locked.
func (t Tries) Next(now time.Time) (Tries, error) {
	if wait := t.Locked.Sub(now); wait > 0 {
		return t, &fault.Error{
			Kind: fault.RateLimited, Code: "share_locked", RetryAfter: wait,
			Detail: "There were too many wrong passphrases. Wait as long as the Retry-After header says.",
		}
	}
	if t.Failed++; t.Failed%wrongTries == 0 {
		t.Locked = now.Add(lockFor(t.Failed / wrongTries))
	}
	return t, nil
}

func lockFor(times int64) time.Duration {
	return min(firstLock<<min(times-1, 11), longLock)
}
