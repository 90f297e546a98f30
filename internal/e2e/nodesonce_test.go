package e2e_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// A code of the second factor is accepted once, whichever nodes it reaches.
func TestTwoNodesAcceptACodeOnce(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2)
	servers := c.start()
	owner := servers[0].login()
	seed := text(t, owner.want(t, http.StatusOK, "POST", "/v1/auth/mfa/setup", nil), "secret")
	code := func(at time.Time) string { return must[string](t)(totp.GenerateCode(seed, at)) }
	now := time.Now()
	owner.want(t, http.StatusOK, "POST", "/v1/auth/mfa/verify-setup", map[string]string{"code": code(now)})

	// Each try has a challenge of its own, and all have the code that comes next.
	next := code(now.Add(30 * time.Second))
	var tokens []string
	for range 4 {
		tokens = append(tokens, text(t, plain(t, servers[1].APIURL).want(t, http.StatusOK, "POST", "/v1/auth/token",
			map[string]string{"email": ownerEmail, "password": ownerPassword}), "mfa_token"))
	}
	var accepted atomic.Int64
	var all sync.WaitGroup
	for i, token := range tokens {
		for _, s := range servers {
			all.Go(func() {
				r := plain(t, s.APIURL).do(t, "POST", "/v1/auth/mfa/verify", map[string]string{"mfa_token": token, "code": next})
				switch r.status {
				case http.StatusOK:
					accepted.Add(1)
				case http.StatusUnauthorized, http.StatusTooManyRequests:
				default:
					t.Errorf("try %d: %d", i, r.status)
				}
			})
		}
	}
	all.Wait()
	if accepted.Load() != 1 {
		t.Errorf("the code was accepted %d times", accepted.Load())
	}
}

// An approval is used as often as it says, whichever nodes are asked.
func TestTwoNodesCountAnApprovalTogether(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2)
	servers := c.start()
	owner := servers[0].login()
	vault := "/v1/vaults/" + text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "gated"}), "id")
	owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/one", map[string]string{"value": "v"})
	agent := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]string{"name": "worker"})
	const most = 10
	owner.want(t, http.StatusCreated, "POST", vault+"/policies", map[string]any{
		"secret_path_pattern": "**", "principal_type": "agent", "principal_id": text(t, agent, "agent", "id"), "permissions": []string{"read"},
		"conditions": map[string]any{"require_approval": map[string]any{"max_uses": most}},
	})
	worker := owner.as(text(t, agent, "api_key"))
	asked := text(t, worker.at(servers[1]).want(t, http.StatusForbidden, "GET", vault+"/secrets/one", nil), "approval_request_id")
	owner.want(t, http.StatusOK, "POST", "/v1/approvals/"+asked+"/approve", nil)
	served, refused := both(t, servers, 4, 5, func(s *server) int { return worker.at(s).do(t, "GET", vault+"/secrets/one", nil).status }, http.StatusOK)
	if served != most || refused != 40-most {
		t.Errorf("%d reads with an approval for %d, %d refused", served, most, refused)
	}
	owner.at(servers[1]).verified(t)
}
