package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// A server that is killed while people give secrets, and agents use those that a human approved and work with bindings:
// what was answered is there, a request is filled as a whole or waits, and nothing was sent that is not in the log, or
// that no approval was left for.
func TestAKilledServerKeepsWhatItAnswered(t *testing.T) {
	onBothEngines(t, func(t *testing.T, c counting) {
		c.env = append(c.env, "ONECLAW_OUTBOUND_ALLOW=127.0.0.0/8")
		const mostUses = 10
		var uses, executed atomic.Int64
		done := make(chan struct{}, 1000)
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/use" {
				uses.Add(1)
			} else {
				executed.Add(1)
			}
			done <- struct{}{}
			_, _ = io.WriteString(w, "answered")
		}))
		defer service.Close()

		s := c.serves()
		owner := s.login()
		at := "/v1/vaults/" + text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "main"}), "id")
		made := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]any{"name": "bot", "reveal": "never", "execution_intents_enabled": true})
		id := text(t, made, "agent", "id")
		agent := owner.exchange(t, text(t, made, "api_key"))
		owner.want(t, http.StatusCreated, "POST", at+"/policies", map[string]any{
			"principal_type": "agent", "principal_id": id, "secret_path_pattern": "asked/*", "permissions": []string{"use"},
			"conditions": map[string]any{"require_approval": map[string]any{"max_uses": mostUses}}})
		owner.want(t, http.StatusCreated, "PUT", at+"/secrets/asked/key", map[string]any{"value": "a-key-of-the-service"})
		host := service.Listener.Addr().String()
		bound := []map[string]any{{"hosts": []string{host}}}
		owner.want(t, http.StatusOK, "PUT", at+"/secret-bindings/asked/key", map[string]any{"bindings": bound})
		owner.want(t, http.StatusCreated, "POST", "/v1/agents/"+id+"/bindings", map[string]any{"name": "pay", "binding_type": "http", "config": map[string]any{"base_url": service.URL}, "credential": "a-credential-of-it"})
		use := map[string]any{"method": "GET", "url": service.URL + "/use", "headers": map[string]string{"Authorization": "Bearer {{secret:asked/key}}"}}
		execute := map[string]any{"binding": "pay", "intent_type": "http", "params": map[string]any{"path": "/exec"}}
		approval := text(t, agent.want(t, http.StatusForbidden, "POST", "/v1/http-request", use), "approval_request_id")
		owner.want(t, http.StatusOK, "POST", "/v1/approvals/"+approval+"/approve", nil)

		var mu sync.Mutex
		answered := map[string]bool{} // requests that a person was told of that they are filled
		ctx := context.WithoutCancel(t.Context())
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				for n := range 15 {
					asked, err := agent.try(ctx, "POST", "/v1/secret-requests", map[string]any{"vault_id": at[len("/v1/vaults/"):], "path": fmt.Sprintf("wanted/%d-%d", i, n), "reason": "to charge cards"})
					if err != nil || asked.status != http.StatusCreated {
						return
					}
					r := text(t, asked.fields(t), "id")
					filled, err := owner.try(ctx, "POST", "/v1/secret-requests/"+r+"/fill", map[string]any{"value": "given-to-" + r, "bindings": bound})
					if err != nil {
						return
					}
					if filled.status == http.StatusOK {
						mu.Lock()
						answered[r] = true
						mu.Unlock()
						done <- struct{}{}
					}
				}
			})
		}
		for range 3 {
			all.Go(func() {
				for range 5 {
					if _, err := agent.try(ctx, "POST", "/v1/http-request", use); err != nil {
						return
					}
				}
			})
			all.Go(func() {
				for range 15 {
					if _, err := agent.try(ctx, "POST", "/v1/agents/"+id+"/execute", execute); err != nil {
						return
					}
				}
			})
		}
		for range 20 {
			<-done
		}
		s.kill9()
		all.Wait()

		s = c.serves()
		owner, agent = owner.at(s), agent.at(s)
		list, _ := owner.want(t, http.StatusOK, "GET", "/v1/secret-requests?limit=200", nil)["requests"].([]any)
		filled := 0
		for _, one := range list {
			r := one.(map[string]any)
			kept := owner.do(t, "GET", at+"/secrets/"+text(t, r, "path"), nil)
			entries, _ := owner.want(t, http.StatusOK, "GET", at+"/secret-bindings/"+text(t, r, "path"), nil)["bindings"].([]any)
			switch status := text(t, r, "status"); {
			case status == "filled":
				filled++
				if kept.status != http.StatusOK || text(t, kept.fields(t), "value") != "given-to-"+text(t, r, "id") || len(entries) != 1 {
					t.Errorf("a request is filled, and its path has %d %s and %d bindings", kept.status, kept.body, len(entries))
				}
			case status != "waiting" || kept.status != http.StatusNotFound || len(entries) != 0:
				t.Errorf("a request is %s, and its path has %d %s and %d bindings", status, kept.status, kept.body, len(entries))
			case answered[text(t, r, "id")]:
				t.Errorf("a request was filled, and waits: %v", r)
			default: // it waits for an answer after all
				owner.want(t, http.StatusOK, "POST", "/v1/secret-requests/"+text(t, r, "id")+"/fill", map[string]any{"value": "later"})
			}
		}
		if filled < len(answered) {
			t.Errorf("%d are filled, and %d were said to be", filled, len(answered))
		}
		for range mostUses + 1 {
			agent.do(t, "POST", "/v1/http-request", use)
		}
		agent.want(t, http.StatusForbidden, "POST", "/v1/http-request", use)
		if n := uses.Load(); n > mostUses {
			t.Errorf("the service was used %d times with an approval for %d", n, mostUses)
		}
		logged := map[string]int64{}
		events, _ := owner.want(t, http.StatusOK, "GET", "/v1/audit/events?limit=1000&action=secret.use", nil)["events"].([]any)
		for _, e := range events {
			details, _ := e.(map[string]any)["details"].(map[string]any)
			if details["outcome"] == "success" {
				logged[fmt.Sprint(details["how"])]++
			}
		}
		if logged["http"] < uses.Load() || logged["execution"] < executed.Load() || logged["http"] > mostUses {
			t.Errorf("the log has %v, and the service was asked %d and %d times", logged, uses.Load(), executed.Load())
		}
		rows, _ := agent.want(t, http.StatusOK, "GET", "/v1/agents/"+id+"/executions?limit=200", nil)["events"].([]any)
		if int64(len(rows)) != logged["execution"] {
			t.Errorf("%d executions are listed, and the log has %d", len(rows), logged["execution"])
		}
		owner.verified(t)
		s.stop()
	})
}
