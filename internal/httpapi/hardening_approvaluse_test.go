package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// waitsForUse is an agent that may read and use one secret, once a human approves each.
func waitsForUse(t *testing.T) *unseeing { return waitsForUses(t, 1) }

// waitsForUses is waitsForUse where an approval is for several uses.
func waitsForUses(t *testing.T, most int) *unseeing {
	s := openSession(t, rest.OneByOne)
	u := &unseeing{session: s, up: openUpstream(t), agent: s.ada.agent(object{"name": "waits"})}
	s.ada.grant(s.vault, u.agent, "k", asks(object{"max_uses": most}), "read", "use")
	u.keep("k", hiddenValue, object{"hosts": []string{u.up.host()}})
	return u
}

func (u *unseeing) uses() reply {
	return u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}})
}

func (u *unseeing) reads() reply { return u.do("GET", secretAt(u.vault, "k"), u.agent.token, nil) }

// approved has ada approve what a refusal waits for.
func (u *unseeing) approved(refused reply, operation string) {
	u.t.Helper()
	got := u.do("POST", "/v1/approvals/"+refused.want(403, "approval_required").str("approval_request_id")+"/approve", u.ada.token, nil).want(200)
	if got.str("operation") != operation || got.str("action") != "secret."+operation || got.str("risk_tier") != "medium" {
		u.t.Errorf("approved is %s", got.body)
	}
}

func TestAnApprovalOfAUseIsNoneOfARead(t *testing.T) {
	u := waitsForUse(t)
	u.approved(u.uses(), "use")
	u.reads().want(403, "approval_required")
	u.uses().want(200)
	u.uses().want(403, "approval_required")
	if u.up.calls() != 1 {
		t.Errorf("%d requests were sent", u.up.calls())
	}
}

func TestAnApprovalOfAReadIsNoneOfAUse(t *testing.T) {
	u := waitsForUse(t)
	u.approved(u.reads(), "read")
	u.uses().want(403, "approval_required")
	u.reads().want(200)
	u.reads().want(403, "approval_required")
	if u.up.calls() != 0 {
		t.Errorf("%d requests were sent", u.up.calls())
	}
}

// The approval that a use rests on ends while the other server answers: nothing is shown, also
// where that was the last use of it.
func TestAnApprovalThatIsWithdrawnDuringARequestShowsNothing(t *testing.T) {
	for name, end := range map[string]func(u *unseeing, id, login string){
		"withdrawn": func(u *unseeing, id, _ string) {
			u.do("POST", "/v1/approvals/"+id+"/withdraw", u.ada.token, nil).want(200)
		},
		"the login that gave it ends": func(u *unseeing, _, login string) {
			u.do("DELETE", "/v1/auth/sessions/"+login, u.ada.token, nil).want(204)
		},
		"kept": nil,
	} {
		for _, uses := range []int{1, 2} {
			u := waitsForUses(t, uses)
			decider := u.ada.login()
			login := u.sessionOf(decider)
			id := u.uses().want(403, "approval_required").str("approval_request_id")
			u.do("POST", "/v1/approvals/"+id+"/approve", decider, nil).want(200)
			u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				if end != nil {
					end(u, id, login)
				}
				_, _ = io.WriteString(w, "the balance")
			}
			if r := u.uses(); strings.Contains(string(r.body), "the balance") == (end != nil) || u.up.calls() != 1 {
				t.Errorf("%s, %d uses: %d after %d requests: %s", name, uses, r.status, u.up.calls(), r.body)
			}
		}
	}
}

// Both are asked for ahead, in the words of older and newer clients.
func TestAUseIsAskedForAhead(t *testing.T) {
	u := waitsForUse(t)
	older := u.do("POST", "/v1/approvals", u.agent.token, object{"vault_id": u.vault, "secret_path": "k", "operation": "use"}).want(201)
	newer := u.do("POST", "/v1/approvals/request", u.agent.token, object{"action": "secret.use", "target_type": "secret", "target_id": u.vault + "/k", "summary": object{}}).want(202)
	read := u.do("POST", "/v1/approvals", u.agent.token, object{"vault_id": u.vault, "secret_path": "k"}).want(201)
	if older.str("id") != newer.str("id") || older.str("operation") != "use" || read.str("id") == older.str("id") || read.str("operation") != "read" {
		t.Errorf("got %s, %s and %s", older.body, newer.body, read.body)
	}
	u.do("POST", "/v1/approvals/"+older.str("id")+"/approve", u.ada.token, nil).want(200)
	u.reads().want(403, "approval_required")
	u.uses().want(200)
}

// One use and one read are approved, and many of both come at once: each is had once, by its own kind.
func TestUsesAndReadsRaceForTheirOwnApprovals(t *testing.T) {
	u := waitsForUse(t)
	u.approved(u.uses(), "use")
	u.approved(u.reads(), "read")
	var mu sync.Mutex
	used, read := 0, 0
	var all sync.WaitGroup
	for range 8 {
		for _, try := range []struct {
			do func() reply
			n  *int
		}{{u.uses, &used}, {u.reads, &read}} {
			all.Go(func() {
				if try.do().status == 200 {
					mu.Lock()
					defer mu.Unlock()
					*try.n++
				}
			})
		}
	}
	all.Wait()
	if used != 1 || read != 1 || u.up.calls() != 1 {
		t.Errorf("%d uses and %d reads, and %d requests were sent", used, read, u.up.calls())
	}
}
