package call_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

const longest = 90 * 24 * time.Hour

// callers are those whom the rules about persons tell apart. Their credential ends in
// an hour where it ends.
func callers() map[string]policy.Principal {
	here := user(policy.RoleMember)
	left := here
	left.Person = now.Add(-policy.PersonFor)
	key := here
	key.Key, key.Person = "key", time.Time{}
	device := here
	device.Device, device.Person = true, time.Time{}
	agent := policy.Principal{Kind: policy.KindAgent, ID: "robot", Org: "org", Creator: "ada"}
	out := map[string]policy.Principal{"here": here, "left": left, "key": key, "device": device, "agent": agent}
	for name, p := range map[string]policy.Principal{"here": here, "left": left, "key": key, "device": device, "agent": agent} {
		p.Ends = now.Add(time.Hour)
		out[name+", ends"] = p
	}
	return out
}

func TestAPersonIsHereForTenMinutesAfterALogin(t *testing.T) {
	for name, who := range callers() {
		c := of(who)
		want := name == "here" || name == "here, ends"
		err := c.RequirePerson()
		if c.PersonHere() != want || (err == nil) != want {
			t.Errorf("%s: here %v, %v", name, c.PersonHere(), err)
		}
		if err != nil && (fault.CodeOf(err) != "person_required" || !fault.Is(err, fault.Denied)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// Ten minutes, less an instant; and clocks of nodes that differ by five seconds.
	for name, tc := range map[string]struct {
		since time.Duration
		here  bool
	}{
		"just now": {0, true}, "nearly ten minutes ago": {policy.PersonFor - 1, true}, "ten minutes ago": {policy.PersonFor, false},
		"in five seconds": {-5 * time.Second, true}, "in more": {-5*time.Second - 1, false},
	} {
		who := user(policy.RoleMember)
		who.Person = now.Add(-tc.since)
		if c := of(who); c.PersonHere() != tc.here {
			t.Errorf("who signed in %s is here: %v", name, !tc.here)
		}
	}
}

func TestLongCredentialsTakeAPerson(t *testing.T) {
	hour := now.Add(time.Hour)
	never := time.Time{}
	ends := map[string]time.Time{
		"never": never, "in the past": now.Add(-time.Hour), "with the credential": hour, "after it": hour.Add(1),
		"in 90 days": now.Add(longest), "in more than 90 days": now.Add(longest + 1),
	}
	// What needs nobody; everything else does.
	free := map[string]map[string]bool{
		"":       {"in the past": true, "with the credential": true, "after it": true, "in 90 days": true},
		", ends": {"in the past": true, "with the credential": true},
	}
	for name, who := range callers() {
		sort := ""
		if !who.Ends.IsZero() {
			sort = ", ends"
		}
		for what, end := range ends {
			err := of(who).RequirePersonBeyond(end)
			want := who.Here(now) || free[sort][what]
			if (err == nil) != want {
				t.Errorf("%s makes what ends %s: %v", name, what, err)
			}
			if err != nil && fault.CodeOf(err) != "person_required" {
				t.Errorf("%s makes what ends %s: %v", name, what, err)
			}
		}
	}
	// A credential that lasts longer than 90 days may not make one that does.
	who := callers()["key, ends"]
	who.Ends = now.Add(2 * longest)
	if err := of(who).RequirePersonBeyond(now.Add(longest + 1)); err == nil {
		t.Error("a key made one that lasts for more than 90 days")
	}
}

func TestWhatNobodyIsThereForEndsWithItsCredential(t *testing.T) {
	hour := now.Add(time.Hour)
	for name, tc := range map[string]struct {
		who     string
		end     time.Time
		want    time.Time
		refused bool
	}{
		"a person, beyond":                 {"here, ends", hour.Add(1), hour.Add(1), false},
		"a person, for ever":               {"here, ends", time.Time{}, time.Time{}, false},
		"a login that was left, beyond":    {"left, ends", hour.Add(1), hour.Add(1), true},
		"a login that was left, for ever":  {"left, ends", time.Time{}, time.Time{}, true},
		"a login that was left, within":    {"left, ends", hour, hour, false},
		"a key, beyond":                    {"key, ends", hour.Add(1), hour, false},
		"a key, for ever":                  {"key, ends", time.Time{}, hour, false},
		"a key, to its end":                {"key, ends", hour, hour, false},
		"a key, before its end":            {"key, ends", hour.Add(-1), hour.Add(-1), false},
		"a key that never ends, for ever":  {"key", time.Time{}, time.Time{}, false},
		"a device, for ever":               {"device, ends", time.Time{}, hour, false},
		"an agent, beyond":                 {"agent, ends", hour.Add(time.Hour), hour, false},
		"an agent, for ever":               {"agent, ends", time.Time{}, hour, false},
		"an agent that never ends":         {"agent", hour, hour, false},
		"an agent that never ends, at all": {"agent", time.Time{}, time.Time{}, false},
	} {
		got, err := of(callers()[tc.who]).Capped(tc.end)
		if !got.Equal(tc.want) || (err != nil) != tc.refused {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, tc.want)
		}
		if err != nil && fault.CodeOf(err) != "person_required" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
