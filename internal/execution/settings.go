// Package execution says what an agent's bindings may be: which service they speak to, with
// which credential and within which bounds, and what one execution asks of them.
//
// Its promise: of two bounds the tighter one holds, a bound that is misspelt is refused, and no
// text that it returns has a credential in it. It computes from its arguments alone.
package execution

import (
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
)

// Settings are what an agent has of executions. They hold beside the guardrails of each binding.
type Settings struct {
	Enabled bool `json:"enabled,omitzero"` // the agent may execute at all
	Bounds
}

// Bounds hold for all executions of an agent. Zero: no bound of its own.
type Bounds struct {
	Hosts     []string `json:"allowed_hosts,omitempty"`
	Duration  int64    `json:"max_duration_ms,omitzero"`
	PerMinute int64    `json:"max_requests_per_minute,omitzero"`
}

// Longest is how long an execution takes, in milliseconds, also where more is allowed: after that
// the answer is given up.
const (
	Longest    = 30_000
	mostTime   = 600_000
	mostMinute = 1_000_000
	mostHosts  = 20
)

func invalid(detail string) error { return fault.New(fault.Invalid, "invalid_guardrails", detail) }

// Check brings the bounds into their one spelling.
func (b *Bounds) Check() error {
	if b.Duration < 0 || b.Duration > mostTime {
		return invalid("max_duration_ms is between 1 and 600000. Nothing takes longer than 30000.")
	}
	if b.PerMinute < 0 || b.PerMinute > mostMinute {
		return invalid("max_requests_per_minute is between 1 and 1000000.")
	}
	return checkHosts(&b.Hosts)
}

// checkHosts brings hosts into their one spelling, as bindings of secrets have them.
func checkHosts(hosts *[]string) error {
	if len(*hosts) == 0 {
		*hosts = nil
		return nil
	}
	if len(*hosts) > mostHosts {
		return invalid("allowed_hosts has at most 20 hosts.")
	}
	checked, err := binding.Check([]binding.Binding{{Hosts: *hosts}})
	if err != nil {
		return err
	}
	*hosts = checked[0].Hosts
	return nil
}

// IsZero reports whether nothing is bounded.
func (b *Bounds) IsZero() bool { return len(b.Hosts) == 0 && b.Duration == 0 && b.PerMinute == 0 }

// loosens reports whether is lets pass what was did not.
func loosens(was, is *Bounds) bool {
	lifts := func(was, is int64) bool { return was != 0 && (is == 0 || is > was) }
	return lifts(was.Duration, is.Duration) || lifts(was.PerMinute, is.PerMinute) ||
		len(was.Hosts) > 0 && (len(is.Hosts) == 0 || slices.ContainsFunc(is.Hosts, func(h string) bool { return !slices.Contains(was.Hosts, h) }))
}

// Caps are the settings that bound an agent.
func Caps() []patch.Cap[Settings] {
	return []patch.Cap[Settings]{
		patch.NewCap("execution_intents_enabled", func(s *Settings) bool { return !s.Enabled }, func(was, is *Settings) bool { return is.Enabled && !was.Enabled }),
		patch.NewCap("execution_guardrails", func(s *Settings) bool { return !s.Bounds.IsZero() }, func(was, is *Settings) bool { return loosens(&was.Bounds, &is.Bounds) }),
	}
}

// ReadBounds reads execution_guardrails as they are sent. A name that is not known is refused: it
// would bound nothing.
func ReadBounds(text []byte) (b Bounds, err error) {
	err = strict(text, &b, "execution_guardrails has allowed_hosts, max_duration_ms and max_requests_per_minute.")
	if err == nil {
		err = b.Check()
	}
	return b, err
}

// Window is the time that max_requests_per_minute counts in.
const Window = time.Minute

// tighter is the lower of two bounds of which zero is none.
func tighter(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func plainName(s string) bool {
	return s != "" && len(s) <= 128 && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
