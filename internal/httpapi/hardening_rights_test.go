package httpapi_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// kept are the tables that a write without its right must leave as they were.
var kept = []string{
	"users", "orgs", "memberships", "invitations", "user_keys", "agents", "vaults", "secrets", "secret_versions", "policies", "shares", "approvals",
	"approval_webhooks", "webhooks", "ip_rules", "vault_jobs", "device_codes", "enrollments", "mail_tokens", "user_totp", "recovery_codes", "mfa_challenges", "passkeys", "passkey_challenges",
	"billing_accounts", "credit_lots", "credit_ledger", "admin_settings", "chains", "doomed_keys", "stripe_customers", "revoked_tokens", "sessions",
	"freezes", "router_keys", "signing_keys", "guard_rules", "transactions", "spends", "recipients", "agent_bindings", "executions", "secret_requests", "secret_bindings",
}

// unwritten are operations that write nothing but their event on behalf of who sends
// them, and why.
var unwritten = map[string]string{
	"issue-agent-token":   "a token is no row, and is good as long as its agent is",
	"top-up-credits":      "what is paid is Stripe's",
	"open-billing-portal": "what is paid is Stripe's",
	"subscribe":           "what is paid is Stripe's",
	"rotate-secret":       "secrets are not rotated by POST",

	"http-request": "a use is recorded as a read is; whose right ends meanwhile is shown no answer: TestARightThatEndsDuringARequestShowsNothing",

	"totp-code":          "a use is recorded as a read is",
	"http-stream":        "the same; the stream ends with the right",
	"execute":            "the same: TestARightThatEndsDuringAnExecutionShowsNothing",
	"test-agent-binding": "the same, and nothing is kept",
	"ssh-sign":           "a use is recorded as a read is",

	"fill-secret-request":    "it takes a right to the path that few of these have: TestAFillThatTheRightEndedForStoresNothing",
	"decline-secret-request": "the same",

	"check-chain":          "nodes are asked, and nothing is kept",
	"simulate-transaction": "nodes are asked, and nothing is kept",
	"simulate-bundle":      "nodes are asked, and nothing is kept",
	"try-guard":            "nothing is kept",
}

var databases = []struct {
	name string
	on   func(*setup)
}{{"sqlite", onSQLite}, {"postgres", onPostgres}}

// Whatever right ends between the decision about a write and its commit: the write
// is refused and leaves nothing. An operation that never gets that far for anybody
// fails, unless it is in unwritten, and so does one that goes on without a reason.
func TestNoWriteOutlivesItsRight(t *testing.T) {
	for d, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			t.Parallel() // beside the other
			reached := map[string]bool{}
			var all []operation
			for w, way := range endings {
				t.Run(way.name, func(t *testing.T) {
					s := openStage(openSession(t, rest.OneByOne, stripeAt(newStripe(t).URL), database.on))
					all = slices.DeleteFunc(s.operations(), func(op operation) bool { return !op.writes() })
					slices.SortStableFunc(all, func(a, b operation) int { return destroys(a) - destroys(b) })
					var mine []operation
					for n, op := range all {
						if (n+w+d)%way.every == 0 && (way.of == nil || way.of(op)) {
							mine = append(mine, op)
						}
					}
					maps.Copy(reached, s.raceAll(mine, way))
				})
			}
			for _, op := range all {
				if !reached[op.OperationID] && unwritten[op.OperationID] == "" {
					t.Errorf("%s was not reached: give it a body that it takes", op)
				}
			}
		})
	}
}

// raceAll races operations with the end of the right to them. It returns those that
// got as far as a write.
func (s *stage) raceAll(ops []operation, way ending) (reached map[string]bool) {
	s.t.Helper()
	reached = map[string]bool{}
	stays := map[string]bool{}
	for _, list := range way.stays {
		for _, id := range list {
			stays[id] = true
		}
	}
	var who actor
	over := true // nobody is there who still has the right
	for n, op := range ops {
		if s.goOn() || over {
			who = way.begin(s, n)
		}
		var refused bool
		over, refused = s.raced(op, who, stays[op.OperationID])
		if over {
			reached[op.OperationID] = true
		}
		if over && refused && stays[op.OperationID] {
			s.t.Errorf("%s is refused: take it out of what stays", op)
		}
	}
	return reached
}

// raced asks for a write, ends the right to it right before the write, and checks
// that nothing comes of it, unless it may stay. It reports whether the write got that
// far, and whether it was refused.
func (s *stage) raced(op operation, who actor, stays bool) (reached, refused bool) {
	s.t.Helper()
	l := s.leadTo(op, who)
	var before string
	f := func() {
		who.ends()
		reached, before = true, s.dump(kept...)
	}
	s.between.Store(&f)
	r := s.do(op.method, l.target, who.token, l.body, l.change...)
	s.between.Store(nil)
	if refused = r.status >= 400 && r.status < 500; !reached || stays {
		return reached, refused
	}
	if !refused {
		s.t.Errorf("%s (%s): got %d %.200s", op, op.OperationID, r.status, r.body)
	}
	if after := s.dump(kept...); after != before {
		s.t.Errorf("%s left something:\n%s", op, difference(before, after))
	}
	return reached, refused
}

func difference(before, after string) string {
	was, is := map[string]bool{}, map[string]bool{}
	for l := range strings.Lines(before) {
		was[strings.TrimSpace(l)] = true
	}
	for l := range strings.Lines(after) {
		is[strings.TrimSpace(l)] = true
	}
	var out []string
	for _, l := range slices.Sorted(maps.Keys(is)) {
		if !was[l] {
			out = append(out, "+ "+l)
		}
	}
	for _, l := range slices.Sorted(maps.Keys(was)) {
		if !is[l] {
			out = append(out, "- "+l)
		}
	}
	return strings.Join(out, "\n")
}
