package httpapi_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"
)

// withdraw takes a request back.
func (g *gated) withdraw(id, token string) reply {
	return g.do("POST", "/v1/approvals/"+id+"/withdraw", token, nil)
}

// patch edits the policy that asks.
func (g *gated) patch(terms any) {
	g.t.Helper()
	g.do("PUT", "/v1/vaults/"+g.vault+"/policies/"+g.policy, g.ada.token, object{
		"permissions": []string{"read", "write", "delete"}, "conditions": object{"require_approval": terms},
	}).want(200)
}

func TestAnApprovalIsWithdrawn(t *testing.T) {
	g := openGated(t, object{"max_uses": 5})
	bob, carl := g.signup("bob"), g.signup("carl")
	bob.moves(g.ada, "member")
	carl.moves(g.ada, "admin")
	id := g.asked("gated/one")
	g.approve(id, g.ada.token).want(200)
	g.read("gated/one").want(200)
	g.withdraw(id, bob.token).want(404, "approval_not_found")
	events := g.during(func() {
		if r := g.withdraw(id, carl.token).want(200); r.str("status") != "withdrawn" || r.str("withdrawn_by") != carl.id || r.json()["uses_left"] != json.Number("0") {
			t.Errorf("withdrawn: %s", r.body)
		}
	})
	if len(events) != 1 || events[0].action != "approval.withdraw" || events[0].detail("path") != "gated/one" || events[0].detail("outcome") != "success" {
		t.Errorf("the log says %v", events)
	}
	g.withdraw(id, carl.token).want(409, "approval_over")
	g.approve(id, carl.token).want(409, "approval_decided")

	// Who asked takes back what waits, and gives up what it was given.
	next := g.asked("gated/one")
	other := g.ada.agent(object{"name": "other"})
	g.withdraw(next, other.token).want(404)
	g.withdraw(next, g.worker.token).want(200)
	g.approve(next, g.ada.token).want(409, "approval_decided")
	last := g.asked("gated/one")
	g.approve(last, g.ada.token).want(200)
	g.withdraw(last, g.worker.token).want(200)
	g.read("gated/one").want(403, "approval_required")
	if l := g.do("GET", "/v1/approvals?status=withdrawn", g.ada.token, nil).want(200).list("approvals"); len(l) != 3 {
		t.Errorf("%d are withdrawn", len(l))
	}
}

// An approval is good for the policy as it was, whichever way it is changed, and a
// decision takes the stricter of what was asked for and what holds now.
func TestAnApprovalIsBoundToThePolicyAsItWas(t *testing.T) {
	for what, edit := range map[string]func(g *gated){
		"tightened": func(g *gated) { g.patch(object{"max_uses": 1}) },
		"loosened":  func(g *gated) { g.patch(object{"max_uses": 100}) },
		"made again": func(g *gated) {
			g.do("DELETE", "/v1/vaults/"+g.vault+"/policies/"+g.policy, g.ada.token, nil).want(204)
			g.policy = g.ada.grant(g.vault, g.worker, "gated/*", asks(object{"max_uses": 5}), "read", "write", "delete")
		},
	} {
		t.Run(what, func(t *testing.T) {
			g := openGated(t, object{"max_uses": 5})
			id := g.asked("gated/one")
			g.approve(id, g.ada.token).want(200)
			g.read("gated/one").want(200)
			waits := g.asked("gated/two")
			edit(g)
			if next := g.asked("gated/one"); next == id {
				t.Error("the old approval waits again")
			}
			if s := g.do("GET", "/v1/approvals/"+id, g.worker.token, nil).want(200).str("status"); s != "ended" {
				t.Errorf("the old approval is %s", s)
			}
			if what == "made again" {
				g.approve(waits, g.ada.token).want(409, "approval_ended")
				return
			}
			most := map[string]string{"tightened": "1", "loosened": "5"}[what]
			if r := g.approve(waits, g.ada.token).want(200); r.json()["max_uses"] != json.Number(most) || r.json()["uses_left"] != json.Number(most) {
				t.Errorf("asked for five uses: %s", r.body)
			}
		})
	}
}

func TestAnApprovalEndsWithItsDeciderAndItsRequestersKey(t *testing.T) {
	for what, end := range map[string]func(g *gated, carl *human){
		"demoted": func(g *gated, carl *human) {
			g.do("PATCH", "/v1/org/members/"+carl.id, g.ada.token, object{"role": "member"}).want(200)
		},
		"removed": func(g *gated, carl *human) {
			g.do("DELETE", "/v1/org/members/"+carl.id, g.ada.token, nil).want(204)
		},
		"stopped and started": func(g *gated, carl *human) {
			for _, active := range []bool{false, true} {
				g.do("PATCH", "/v1/agents/"+g.worker.id, g.ada.token, object{"is_active": active}).want(200)
			}
			g.worker.key = g.do("POST", "/v1/agents/"+g.worker.id+"/rotate-key", g.ada.token, nil).want(200).str("api_key")
			g.worker.token = g.worker.exchange()
		},
		"rotated": func(g *gated, carl *human) {
			g.worker.key = g.do("POST", "/v1/agents/"+g.worker.id+"/rotate-key", g.ada.token, nil).want(200).str("api_key")
			g.worker.token = g.worker.exchange()
		},
	} {
		t.Run(what, func(t *testing.T) {
			g := openGated(t, object{"max_uses": 5})
			carl := g.signup("carl")
			carl.moves(g.ada, "admin")
			id := g.asked("gated/one")
			g.approve(id, carl.token).want(200)
			g.read("gated/one").want(200)
			end(g, carl)
			if next := g.asked("gated/one"); next == id {
				t.Error("the old approval waits again")
			}
		})
	}
}

// A denial is worth a pause, which grows, for the same use alone.
func TestADenialIsFollowedByAPause(t *testing.T) {
	g := openGated(t, true)
	deny := func() {
		g.do("POST", "/v1/approvals/"+g.asked("gated/one")+"/deny", g.ada.token, nil).want(200)
	}
	for _, pause := range []time.Duration{10 * time.Minute, 20 * time.Minute} {
		deny()
		for _, r := range []reply{
			g.read("gated/one"),
			g.do("POST", "/v1/approvals", g.worker.token, object{"vault_id": g.vault, "secret_path": "gated/one"}),
		} {
			r.want(429, "approval_paused")
			if got := r.header.Get("Retry-After"); got != strconv.Itoa(int(pause/time.Second)) {
				t.Errorf("Retry-After is %s, want %v", got, pause)
			}
		}
		g.asked("gated/two")
		g.do("DELETE", secretAt(g.vault, "gated/one"), g.worker.token, nil).want(403, "approval_required")
		g.Clock.Forward(pause)
		g.ada.token, g.worker.token = g.ada.login(), g.worker.exchange()
	}
	g.asked("gated/one")
}

// Whom a policy names that asks for approvals asks also in a vault that it made.
func TestAGateHoldsInAVaultThatTheAgentMade(t *testing.T) {
	g := openGated(t, true)
	own := g.do("POST", "/v1/vaults", g.worker.token, object{"name": "own"}).want(201).str("id")
	put := func(path string) reply {
		return g.do("PUT", secretAt(own, path), g.worker.token, object{"value": "x"})
	}
	put("gated/one").want(201)
	g.ada.grant(own, g.worker, "gated/*", asks(true), "read")
	g.do("GET", secretAt(own, "gated/one"), g.worker.token, nil).want(403, "approval_required")
	g.do("GET", "/v1/vaults/"+own+"/secret-versions/gated/one?version=1", g.worker.token, nil).want(403, "approval_required")
	put("gated/one").want(201) // it names reading alone
	put("free").want(201)
	g.do("GET", secretAt(own, "free"), g.worker.token, nil).want(200)
}
