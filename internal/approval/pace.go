package approval

import (
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// MaxPending bounds the undecided requests of one requester, and MaxAsked those
// that it makes within AskedWithin: what is withdrawn has cost a human's attention too.
const (
	MaxPending  = 50
	MaxAsked    = 100
	AskedWithin = time.Hour
)

var errManyPending = &fault.Error{Kind: fault.RateLimited, Code: "too_many_approvals", RetryAfter: time.Minute,
	Detail: "Too many of your requests wait for a decision, or were made within the hour."}

// RoomToAsk refuses one more request of who has so many undecided ones, and made so
// many within AskedWithin.
func RoomToAsk(pending, asked int64) error {
	if pending >= MaxPending || asked >= MaxAsked {
		return errManyPending
	}
	return nil
}

// How long a requester waits after a denial before it may ask for the same use
// again: it doubles with each denial of the last day.
const (
	firstPause = 10 * time.Minute
	// PauseMemory is how far back denials count, and the longest pause.
	PauseMemory = 24 * time.Hour
)

// pause returns how long the latest of n denials holds.
func pause(n int64) time.Duration {
	return min(firstPause<<min(max(n-1, 0), 10), PauseMemory)
}

// The path of a signature's approval is agents/AGENT/transactions/ALIKE-EXACT, with an id of 36
// letters and alikeDigits digits of what signatures have in common that are alike.
const (
	alikeFrom   = len("agents/") + 36
	alikeDigits = 16
)

// SignaturePath is the path of an approval of an agent's signature: exact is the digits of all that
// is signed, alike those of what its likes share with it.
func SignaturePath(agent, alike, exact string) string {
	return "agents/" + agent + "/transactions/" + alike[:alikeDigits] + "-" + exact
}

// Alike is what the paths of signatures begin with that are alike, so that a denial of one holds for
// the others; of other uses it is the whole path.
func Alike(path string) (prefix string) {
	end := alikeFrom + len("/transactions/") + alikeDigits
	if len(path) <= end || !strings.HasPrefix(path[alikeFrom:], "/transactions/") {
		return path
	}
	return path[:end]
}

// AfterDenials refuses to ask again for a use that was denied so often within
// PauseMemory, at last a short while ago, and repeats the reason that was given for that: who
// asked sees it of its requests, too.
func AfterDenials(n int64, last, now time.Time, reason string) error {
	left := last.Add(pause(n)).Sub(now)
	if n == 0 || left <= 0 {
		return nil
	}
	e := &fault.Error{
		Kind: fault.RateLimited, Code: "approval_paused", RetryAfter: left,
		Detail: "A human denied this, or what is like it, a short while ago. Talk to them, or wait as long as the Retry-After header says.",
	}
	if reason != "" {
		e.Detail += ` They said: "` + reason + `".`
	}
	return e
}

// MailMemory is how far back rounds of mails count.
const MailMemory = time.Hour

// mailGap returns how long an organisation's people get no more mails about
// requests after the latest of n rounds: what is asked meanwhile comes
// in one mail. The first comes at once, and there are about ten in an hour.
func mailGap(n int64) time.Duration {
	return min(30*time.Second<<min(max(n-1, 0), 5), 10*time.Minute)
}

// NextMails returns when the next round of mails about an organisation's requests is due
// after so many within MailMemory; early says that this is later than now.
func NextMails(rounds int64, last, now time.Time) (next time.Time, early bool) {
	next = last.Add(mailGap(rounds))
	return next, rounds > 0 && next.After(now)
}

// Decider is somebody who may decide about a vault.
type Decider struct {
	Email string
	Made  bool // the vault, or the human of the agent that did
}

// Told are the addresses of those who are told, at most so many: the vault's maker first,
// then the others as they come.
func Told(all []Decider, most int) []string {
	var out []string
	for _, made := range []bool{true, false} {
		for _, d := range all {
			if d.Made == made && len(out) < most {
				out = append(out, d.Email)
			}
		}
	}
	return out
}
