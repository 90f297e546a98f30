package spend

import (
	"fmt"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

// seconds rounds a wait up, for words.
func seconds(wait time.Duration) int64 { return int64((wait + time.Second - 1) / time.Second) }

func errMinute(most int64, wait time.Duration) error {
	return &fault.Error{Kind: fault.RateLimited, Code: "shroud_requests_per_minute", RetryAfter: wait,
		Detail: fmt.Sprintf("This agent may send %d requests a minute (max_requests_per_minute). The next may come in %d s.", most, seconds(wait))}
}

func errDay(most int64, wait time.Duration) error {
	return &fault.Error{Kind: fault.RateLimited, Code: "shroud_requests_per_day", RetryAfter: wait,
		Detail: fmt.Sprintf("This agent may send %d requests a day (max_requests_per_day). The next may come at 00:00 UTC, in %d s.", most, seconds(wait))}
}

func errStreams(most int64) error {
	return &fault.Error{Kind: fault.RateLimited, Code: "shroud_streams", RetryAfter: time.Second,
		Detail: fmt.Sprintf("This agent may have %d streams open at a time (max_concurrent_streams). Let one end, then try again.", most)}
}

func errHeld(budget usd.Amount, wait time.Duration) error {
	return &fault.Error{Kind: fault.RateLimited, Code: "shroud_budget_reserved", RetryAfter: wait,
		Detail: fmt.Sprintf("What is left of this agent's $%s a day (daily_budget_usd) is reserved by its requests under way. Let them end, then try again.", budget)}
}

func errBudget(budget, spent, need usd.Amount, wait time.Duration) error {
	return &fault.Error{Kind: fault.RateLimited, Code: "shroud_budget_exceeded", RetryAfter: wait,
		Detail: fmt.Sprintf("This agent may spend $%s a day (daily_budget_usd) and has spent $%s; this request could cost up to $%s. "+
			"Ask for a shorter answer, or wait for 00:00 UTC, in %d s.", budget, spent, need, seconds(wait))}
}
