package httpapi_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Whatever a request rests on ends it, for good where something ended it.
func TestARequestForASecretEndsWithItsAgent(t *testing.T) {
	for what, c := range map[string]struct {
		end    func(a *asker)
		status string // empty: the request is gone
	}{
		"the agent is deactivated": {func(a *asker) { a.do("DELETE", "/v1/agents/"+a.agent.id, a.ada.token, nil).want(204) }, "ended"},
		"it is stopped and goes on": {func(a *asker) {
			a.do("PATCH", "/v1/agents/"+a.agent.id, a.ada.token, object{"is_active": false}).want(200)
			a.do("PATCH", "/v1/agents/"+a.agent.id, a.ada.token, object{"is_active": true}).want(200)
		}, "ended"},
		"its key is rotated": {func(a *asker) { a.do("POST", "/v1/agents/"+a.agent.id+"/rotate-key", a.ada.token, nil).want(200) }, "ended"},
		"it is bound elsewhere and back": {func(a *asker) {
			a.do("PATCH", "/v1/agents/"+a.agent.id, a.ada.token, object{"vault_ids": []string{a.ada.vaultNamed("other")}}).want(200)
			a.do("PATCH", "/v1/agents/"+a.agent.id, a.ada.token, object{"vault_ids": nil}).want(200)
		}, "ended"},
		"it is frozen and thawed": {func(a *asker) {
			a.do("POST", "/v1/agents/"+a.agent.id+"/freeze", a.ada.token, nil).want(200)
			a.do("POST", "/v1/agents/"+a.agent.id+"/unfreeze", a.ada.login(), nil)
		}, "ended"},
		"its vault is deleted": {func(a *asker) { a.do("DELETE", "/v1/vaults/"+a.vault, a.ada.token, nil).want(204) }, ""},
	} {
		t.Run(what, func(t *testing.T) {
			a := openAsker(t)
			id := a.asks("api-keys/x").want(201).str("id")
			c.end(a)
			got := a.do("GET", wantedAt(id), a.ada.token, nil)
			if c.status == "" {
				got.want(404, "secret_request_not_found")
				a.fills(id, a.ada.token, object{"value": "x"}).want(404, "secret_request_not_found")
				return
			}
			if got.want(200).str("status") != c.status {
				t.Errorf("got %s", got.body)
			}
			by := map[string]any{"it is frozen and thawed": "freeze", "its key is rotated": nil, "it is bound elsewhere and back": "reach"}
			if want, known := by[what]; known && got.json()["ended_by"] != want {
				t.Errorf("it was ended by %v", got.json()["ended_by"])
			}
			a.fills(id, a.ada.token, object{"value": "x"}).want(409, "secret_request_over")
			a.do("GET", secretAt(a.vault, "api-keys/x"), a.ada.token, nil).want(404)
		})
	}
}

// A fill whose right ends at the last moment stores nothing, and leaves the request to others.
func TestAFillThatTheRightEndedForStoresNothing(t *testing.T) {
	for what, end := range map[string]func(a *asker, h *human, policy string){
		"the policy is withdrawn": func(a *asker, _ *human, policy string) {
			a.do("DELETE", "/v1/vaults/"+a.vault+"/policies/"+policy, a.ada.token, nil).want(204)
		},
		"the person is removed": func(a *asker, h *human, _ string) {
			a.do("DELETE", "/v1/org/members/"+h.id, a.ada.token, nil).want(204)
		},
		"the login is ended": func(a *asker, h *human, _ string) {
			a.do("DELETE", "/v1/auth/token", h.token, nil).want(204)
		},
	} {
		t.Run(what, func(t *testing.T) {
			a := openAsker(t)
			h := a.ada.member("max", "member")
			for verb, body := range map[string]object{"fill": {"value": "x"}, "decline": {}} {
				if verb == "decline" && what != "the policy is withdrawn" {
					continue
				}
				id := a.asks("api-keys/" + verb).want(201).str("id")
				policy := a.do("POST", "/v1/vaults/"+a.vault+"/policies", a.ada.token, object{"secret_path_pattern": "api-keys/**", "principal_type": "user", "principal_id": h.id, "permissions": []string{"write"}}).want(201).str("id")
				f := func() { end(a, h, policy) }
				a.between.Store(&f)
				r := a.do("POST", wantedAt(id)+"/"+verb, h.token, body)
				a.between.Store(nil)
				if r.status < 401 || r.status > 404 {
					t.Errorf("%s: got %d %s", verb, r.status, r.body)
				}
				a.do("GET", secretAt(a.vault, "api-keys/"+verb), a.ada.token, nil).want(404)
				if a.status(id) != "waiting" {
					t.Errorf("%s: the request is %s", verb, a.status(id))
				}
			}
		})
	}
}

// Of many answers at once one counts: one value is stored, or none where the agent was first.
func TestARequestForASecretIsAnsweredOnce(t *testing.T) {
	a := openAsker(t)
	for round := range 5 {
		path := "api-keys/race" + itoa(round)
		id := a.asks(path).want(201).str("id")
		replies := make([]reply, 9)
		kit.AtOnce(9, func(i int) error {
			switch {
			case i < 4:
				replies[i] = a.fills(id, a.ada.token, object{"value": "v" + itoa(i), "bindings": []object{{"hosts": []string{"h" + itoa(i) + ".example"}}}})
			case i < 6:
				replies[i] = a.do("POST", wantedAt(id)+"/decline", a.ada.token, nil)
			case i < 8:
				replies[i] = a.do("POST", wantedAt(id)+"/withdraw", a.agent.token, nil)
			default:
				replies[i] = a.do("PUT", secretAt(a.vault, path), a.ada.token, object{"value": "beside"})
			}
			return nil
		})
		won := -1
		for i, r := range replies[:8] {
			switch {
			case r.status == 200 && won >= 0:
				t.Errorf("round %d: %d and %d were heard", round, won, i)
			case r.status == 200:
				won = i
			case r.status != 409:
				t.Errorf("round %d: %d got %d %s", round, i, r.status, r.body)
			}
		}
		if won < 0 {
			continue // the write beside came first, and nobody declined: those who filled were told
		}
		bound := string(a.do("GET", "/v1/vaults/"+a.vault+"/secret-bindings/"+path, a.ada.token, nil).want(200).body)
		if filled := won < 4; strings.Contains(bound, ".example") != filled || filled && !strings.Contains(bound, "h"+itoa(won)+".example") || strings.Count(bound, ".example") > 1 {
			t.Errorf("round %d: %d won, and the bindings are %s", round, won, bound)
		}
		if want := map[bool]string{true: "filled"}[won < 4]; want != "" && a.status(id) != want {
			t.Errorf("round %d: the request is %s", round, a.status(id))
		}
	}
}

// The value is in no answer, log line or event, and the database has it sealed.
func TestAGivenValueIsNowhereInTheClear(t *testing.T) {
	a := openAsker(t, rest.OneByOne)
	id := a.asks("api-keys/x").want(201).str("id")
	const value = "zq-never-in-the-clear-77"
	a.fills(id, a.ada.token, object{"value": value}).want(200)
	for _, target := range []string{wantedAt(id), "/v1/secret-requests", "/v1/audit/events"} {
		if r := a.do("GET", target, a.ada.token, nil).want(200); strings.Contains(string(r.body), value) {
			t.Errorf("%s shows it", target)
		}
	}
	if found := a.tablesWith(value); len(found) > 0 {
		t.Errorf("the tables %v hold it", found)
	}
}
