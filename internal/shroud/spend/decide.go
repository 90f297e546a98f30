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
	Filed           int   // bytes of those that are no pictures
	Uses            int64 // how often the provider may use its own tools, after each of which the model reads all again
	UseTokens       int64 // that these bring at most
	MaxTokens       int64 // of all answers together; 0: the request does not say
	Choices         int64 // how many answers it asks for, 0 as 1
	Stream          bool
	Embeds          bool // it has no answer of tokens
}

// mediaTokens is what one picture or file is taken for at least before the provider has counted it. A file that is no
// picture also has a token for each of its bytes: text is packed in it about as tightly as tokens hold it.
const mediaTokens = 8192

// input is how many tokens the model reads at most: a token has a byte at least.
func (a *Ask) input() int64 {
	once := min(int64(a.InputBytes)+int64(a.Media)*mediaTokens+int64(a.Filed), maxTokens) + min(a.UseTokens, maxTokens)
	return min(times(once, a.Uses+1), maxTokens)
}

func (a *Ask) choices() int64 { return max(a.Choices, 1) }

// times is a number of tokens, up to the most that are counted.
func times(tokens, answers int64) int64 {
	if tokens > 0 && answers > maxTokens/tokens {
		return maxTokens
	}
	return tokens * answers
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

// Taken is what a request was given.
type Taken struct {
	Held   usd.Amount
	Answer int64 // tokens that the request must name for each answer, since it names none; 0: none
}

// Early decides what no count changes. known says that the model has a price.
func Early(l *Limits, a *Ask, known bool) error {
	switch {
	case l.Tokens != nil && !a.Embeds && (a.MaxTokens > *l.Tokens || a.choices() > *l.Tokens):
		return fault.New(fault.Denied, "shroud_too_many_tokens", fmt.Sprintf("This agent's answers may have %d tokens (max_tokens_per_request). Ask for fewer.", *l.Tokens))
	case l.Budget > 0 && !known:
		return fault.New(fault.Denied, "shroud_model_without_price", "This agent has a daily budget, and there is no price for this model. Who runs the server can add one (ONECLAW_SHROUD_PRICES_FILE).")
	}
	return nil
}

// Decide says what a request is given, with the counts as they are in the transaction.
func Decide(l *Limits, a *Ask, m *Model, c *Counts, now time.Time) (Taken, error) {
	if err := room(l, c, now); err != nil {
		return Taken{}, err
	}
	if a.Stream && l.Streams != nil && c.Streams >= *l.Streams {
		return Taken{}, errStreams(*l.Streams)
	}
	t := reserve(l, a, m)
	if l.Budget == 0 {
		return t, nil
	}
	left := l.Budget.Less(c.Day.Spent).Less(c.Day.Held)
	need := t.Held
	if t.Answer > 0 && t.Held > left {
		least := min(leastAnswer, t.Answer)
		if some := min(t.Answer, m.Affords(left, a.input())/a.choices()); some >= least {
			return Taken{Answer: some, Held: m.Bound(a.input(), some*a.choices())}, nil
		}
		need = m.Bound(a.input(), times(least, a.choices()))
	}
	switch {
	case need == 0 || need <= left:
		return t, nil
	case need <= l.Budget.Less(c.Day.Spent):
		return Taken{}, errHeld(l.Budget, heldFor)
	}
	return Taken{}, errBudget(l.Budget, c.Day.Spent, need, untilMidnight(now))
}

// room reports whether one more request may come at all.
func room(l *Limits, c *Counts, now time.Time) error {
	if l.PerMinute != nil {
		if wait, over := overMinute(*l.PerMinute, c.Seconds, now); over {
			return errMinute(*l.PerMinute, wait)
		}
	}
	if l.PerDay != nil && c.Day.Requests >= *l.PerDay {
		return errDay(*l.PerDay, untilMidnight(now))
	}
	return nil
}

// reserve is what a request takes at most, with an answer as long as it may be.
func reserve(l *Limits, a *Ask, m *Model) Taken {
	answer, t := a.MaxTokens, Taken{}
	if answer == 0 && !a.Embeds {
		each := m.maxOutput
		if l.Tokens != nil && (each == 0 || each > *l.Tokens/a.choices()) {
			each = *l.Tokens / a.choices()
		}
		if l.Tokens != nil || l.Budget > 0 {
			t.Answer = each
		}
		answer = times(each, a.choices())
	}
	t.Held = m.Bound(a.input(), answer)
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
