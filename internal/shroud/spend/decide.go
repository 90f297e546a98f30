package spend

import (
	"fmt"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

// Ask is what a request would take.
type Ask struct {
	Provider, Model string
	InputBytes      int   // of the texts that the model reads
	Media           int   // pictures and files beside them
	MaxTokens       int64 // of the answer; 0: the request does not say
	Stream          bool
	Embeds          bool // it has no answer of tokens
}

// mediaTokens is what one picture or file is taken for before the provider has counted it.
const mediaTokens = 8192

// input is how many tokens the model reads at most: a token has a byte at least.
func (a *Ask) input() int64 {
	return min(int64(a.InputBytes)+int64(a.Media)*mediaTokens, maxTokens)
}

// Counts is what an agent has used of its limits.
type Counts struct {
	Day     Day
	Streams int64    // open now
	Seconds []Second // that count in a minute that ends now, the oldest first
}

// Day is what an agent used in one day of UTC.
type Day struct {
	Requests    int64
	Spent, Held usd.Amount
}

// Second is how many requests came in one second.
type Second struct{ At, Requests int64 }

// Minute is how long a request counts against the limit of a minute: one second more, since the
// second in which it came may have been over nearly.
const Minute = 61

// leastAnswer is how few tokens an answer may be cut to by what is left of a budget.
const leastAnswer = 256

// heldFor is when to come back for what others have reserved.
const heldFor = 5 * time.Second

// taken is what a request was given.
type taken struct {
	held   usd.Amount
	answer int64 // tokens that the request must name, since it names none; 0: none
}

// early decides what no count changes.
func early(l *Limits, a *Ask, known bool) error {
	switch {
	case l.Tokens != nil && !a.Embeds && (a.MaxTokens > *l.Tokens || *l.Tokens == 0):
		return fault.New(fault.Denied, "shroud_too_many_tokens", fmt.Sprintf("This agent's answers may have %d tokens (max_tokens_per_request). Ask for fewer.", *l.Tokens))
	case l.Budget > 0 && !known:
		return fault.New(fault.Denied, "shroud_model_without_price", "This agent has a daily budget, and there is no price for this model. Who runs the server can add one (ONECLAW_SHROUD_PRICES_FILE).")
	}
	return nil
}

// decide says what a request is given, with the counts as they are in the transaction.
func decide(l *Limits, a *Ask, m *Model, c *Counts, now time.Time) (taken, error) {
	if l.PerMinute != nil {
		if wait, over := overMinute(*l.PerMinute, c.Seconds, now); over {
			return taken{}, errMinute(*l.PerMinute, wait)
		}
	}
	if l.PerDay != nil && c.Day.Requests >= *l.PerDay {
		return taken{}, errDay(*l.PerDay, untilMidnight(now))
	}
	if a.Stream && l.Streams != nil && c.Streams >= *l.Streams {
		return taken{}, errStreams(*l.Streams)
	}
	t := reserve(l, a, m)
	if l.Budget == 0 {
		return t, nil
	}
	left := l.Budget.Less(c.Day.Spent).Less(c.Day.Held)
	need := t.held
	if t.answer > 0 && t.held > left {
		least := min(leastAnswer, t.answer)
		if some := min(t.answer, m.affords(left, a.input())); some >= least {
			return taken{answer: some, held: m.bound(a.input(), some)}, nil
		}
		need = m.bound(a.input(), least)
	}
	switch {
	case need == 0 || need <= left:
		return t, nil
	case need <= l.Budget.Less(c.Day.Spent):
		return taken{}, errHeld(l.Budget, heldFor)
	}
	return taken{}, errBudget(l.Budget, c.Day.Spent, need, untilMidnight(now))
}

// reserve is what a request takes at most, with an answer as long as it may be.
func reserve(l *Limits, a *Ask, m *Model) taken {
	answer, t := a.MaxTokens, taken{}
	if answer == 0 && !a.Embeds {
		answer = m.maxOutput
		if l.Tokens != nil && (answer == 0 || answer > *l.Tokens) {
			answer = *l.Tokens
		}
		if l.Tokens != nil || l.Budget > 0 {
			t.answer = answer
		}
	}
	t.held = m.bound(a.input(), answer)
	return t
}

// overMinute reports whether the minute is full, and when there is room again.
func overMinute(most int64, seconds []Second, now time.Time) (wait time.Duration, over bool) {
	var sum int64
	for _, s := range seconds {
		sum += s.Requests
	}
	if sum < most {
		return 0, false
	}
	wait = Minute * time.Second
	for _, s := range seconds {
		if sum -= s.Requests; sum < most {
			wait = time.Unix(s.At+Minute, 0).Sub(now)
			break
		}
	}
	return max(wait, time.Second), true
}

// secondsOfDay are those of a day of UTC.
const secondsOfDay = 24 * 60 * 60

// dayOf is the number of the day of UTC.
func dayOf(at time.Time) int64 {
	day := at.Unix() / secondsOfDay
	if at.Unix()%secondsOfDay < 0 {
		day--
	}
	return day
}

func untilMidnight(now time.Time) time.Duration {
	return time.Unix((dayOf(now)+1)*secondsOfDay, 0).Sub(now)
}
