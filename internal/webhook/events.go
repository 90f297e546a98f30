package webhook

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

const maxEvents = 50

var errEvents = fault.New(fault.Invalid, "invalid_webhook_events",
	"events are 1 to 50 action words of the audit log, such as secret.write, areas such as secret.*, or * alone. One of them is unknown.")

// CheckEvents refuses a list that is empty, too long, or has a word that no event of
// the log has.
func CheckEvents(events []string) error {
	if len(events) == 0 || len(events) > maxEvents {
		return errEvents
	}
	for _, e := range events {
		if !slices.ContainsFunc(words(), func(word string) bool { return fits(e, word) }) {
			return errEvents
		}
	}
	return nil
}

// words are the actions that events have.
func words() []string {
	out := []string{string(policy.AuthFailure)}
	for _, a := range policy.Actions() {
		out = append(out, string(a))
	}
	return out
}

// fits reports whether an entry of a list names an action.
func fits(entry, action string) bool {
	if area, ok := strings.CutSuffix(entry, "*"); ok {
		return entry == "*" || strings.HasSuffix(area, ".") && strings.HasPrefix(action, area)
	}
	return entry == action
}

// asks reports whether the hook is to be told of an action.
func (h *Hook) asks(action string) bool {
	return slices.ContainsFunc(h.Events, func(e string) bool { return fits(e, action) })
}
