package spend

import (
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

// Limits are those of one agent. Nil and a budget of 0 are none.
type Limits struct {
	Tokens    *int64     // of an answer
	PerMinute *int64     // requests, in any 61 seconds
	PerDay    *int64     // requests, in a day of UTC
	Streams   *int64     // open at a time, on all nodes together; nil: DefaultStreams on each
	Budget    usd.Amount // of a day of UTC
}

// DefaultStreams is how many streams an agent whose limits name no number has open at a time on
// one node.
const DefaultStreams = 20

// LimitsOf reads them from an agent's shroud_config as it is stored.
func LimitsOf(c shroud.Config) (Limits, error) {
	if len(c) == 0 {
		return Limits{}, nil
	}
	var in struct {
		Tokens    *int64      `json:"max_tokens_per_request"`
		PerMinute *int64      `json:"max_requests_per_minute"`
		PerDay    *int64      `json:"max_requests_per_day"`
		Streams   *int64      `json:"max_concurrent_streams"`
		Budget    json.Number `json:"daily_budget_usd"`
	}
	err := json.Unmarshal(c, &in)
	l := Limits{Tokens: in.Tokens, PerMinute: in.PerMinute, PerDay: in.PerDay, Streams: in.Streams}
	ok := true
	if in.Budget != "" {
		l.Budget, ok = usd.Parse(in.Budget.String())
	}
	if err != nil || !ok {
		return Limits{}, fault.Wrap(err, fault.Damaged, "shroud_config_damaged", "The agent's shroud_config can't be read any more. Set it again.")
	}
	return l, nil
}

// counted reports whether requests have to be counted in the database before they go on.
func (l *Limits) counted() bool {
	return l.PerMinute != nil || l.PerDay != nil || l.Streams != nil || l.Budget > 0
}
