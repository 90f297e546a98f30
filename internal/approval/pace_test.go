package approval_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestAPauseDoublesWithEachDenial(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n, pause := range map[int64]time.Duration{
		1: 10 * time.Minute, 2: 20 * time.Minute, 3: 40 * time.Minute, 8: 1280 * time.Minute, 9: 24 * time.Hour, 100: 24 * time.Hour,
	} {
		err := approval.AfterDenials(n, now.Add(time.Second-pause), now, "")
		world.WantCode(t, "a second before the end", err, "approval_paused")
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.RetryAfter != time.Second {
			t.Errorf("%d denials: %+v, want to ask again after a second", n, e)
		}
		world.WantCode(t, "at the end", approval.AfterDenials(n, now.Add(-pause), now, "no"), "")
	}
	world.WantCode(t, "nothing was denied", approval.AfterDenials(0, now, now, ""), "")
}

func TestRoomToAsk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pending, asked int64
		code           string
	}{
		"the last of 50 that wait":   {49, 99, ""},
		"one more than 50 that wait": {50, 50, "too_many_approvals"},
		"one more than 100 an hour":  {0, 100, "too_many_approvals"},
	} {
		world.WantCode(t, name, approval.RoomToAsk(c.pending, c.asked), c.code)
	}
}

func TestRoundsOfMailsGetFewer(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n, gap := range map[int64]time.Duration{
		1: 30 * time.Second, 2: time.Minute, 3: 2 * time.Minute, 5: 8 * time.Minute, 6: 10 * time.Minute, 60: 10 * time.Minute,
	} {
		if next, early := approval.NextMails(n, now, now); !early || next.Sub(now) != gap {
			t.Errorf("after %d rounds: %v, %v, want %v", n, next.Sub(now), early, gap)
		}
		if _, early := approval.NextMails(n, now.Add(-gap), now); early {
			t.Errorf("after %d rounds: mails wait for longer than %v", n, gap)
		}
	}
	if _, early := approval.NextMails(0, now, now); early {
		t.Error("the first mails wait")
	}
}

func TestWhyADecisionDidNotFit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		waits, policy, requester bool
		code                     string
	}{
		"it was decided":                {false, true, true, "approval_decided"},
		"its policy changed":            {true, false, true, "approval_ended"},
		"its requester has another key": {true, true, false, "approval_ended"},
		"who decided may not":           {true, true, true, "access_denied"},
	} {
		world.WantCode(t, name, approval.WhyUndecided(c.waits, c.policy, c.requester), c.code)
	}
}

func TestWhoIsToldOfARequest(t *testing.T) {
	t.Parallel()
	all := []approval.Decider{{Email: "owner"}, {Email: "admin"}, {Email: "maker", Made: true}, {Email: "human", Made: true}}
	for most, want := range map[int]string{0: "", 1: "maker", 3: "maker human owner", 9: "maker human owner admin"} {
		if got := strings.Join(approval.Told(all, most), " "); got != want {
			t.Errorf("%d of them: %q, want %q", most, got, want)
		}
	}
}
