package e2e_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// A server that is killed in the middle of a stream leaves what the stream may cost reserved, and the call in
// the log. The next one counts it as spent once the reservation is over.
func TestAKilledServerLeavesBudgetAndLogTruthful(t *testing.T) {
	onBothEngines(t, func(t *testing.T, c counting) {
		stub := llmstub.New(t)
		reply := llmstub.Says(llmstub.Said(llmstub.Text, strings.Repeat("begun ", 90), "and never ended"))
		reply.Before = func(gone context.Context, i int) {
			if i > 1 {
				<-gone.Done()
			}
		}
		stub.Answer(reply)
		c.env = append(c.env, fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={"openai":%q}`, stub.URL))
		s := c.serves()
		owner := s.login()
		key := modelAgent(t, owner, map[string]any{"daily_budget_usd": 0.8, "enable_response_filtering": false})
		res := callModel(t, s, key, 50_000)
		if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "data:") {
			t.Fatal(line, err)
		}
		s.kill9()
		_ = res.Body.Close()

		s = c.serves()
		owner = owner.at(s)
		owner.verified(t)
		if n := owner.modelCalls(t); n != 1 {
			t.Errorf("%d calls are in the log", n)
		}
		refusedFor(t, s, key, "is reserved by its requests under way")
		s.stop()
		c.endReservations()
		s = c.serves()
		owner = owner.at(s)
		var row map[string]any
		eventually(t, "what became of the call", func() bool {
			rows, _ := owner.want(t, http.StatusOK, "GET", "/v1/shroud/activity", nil)["events"].([]any)
			if len(rows) == 1 {
				row, _ = rows[0].(map[string]any)
			}
			return row != nil
		})
		more, _ := row["metadata"].(map[string]any)
		if row["action"] != "lost" || more["cut_by"] != "node" || more["cost_basis"] != "reservation" || !strings.HasPrefix(fmt.Sprint(more["cost_usd"]), "0.50") {
			t.Errorf("activity: %v", row)
		}
		refusedFor(t, s, key, "has spent $0.50")
		owner.verified(t)
		if n := owner.modelCalls(t); n != 1 {
			t.Errorf("%d calls are in the log", n)
		}
		s.stop()
	})
}

// A server that is killed far from an agent's limits has lost no call that did not wait for the disk, and what it held
// ahead is there again.
func TestAKilledServerHasLostNoCallUnderWhatItHeldAhead(t *testing.T) {
	onBothEngines(t, func(t *testing.T, c counting) {
		stub := llmstub.New(t)
		stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "Hello", " there")))
		c.env = append(c.env, fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={"openai":%q}`, stub.URL))
		s := c.serves()
		owner := s.login()
		key := modelAgent(t, owner, map[string]any{"daily_budget_usd": 1000, "max_requests_per_day": 5000})
		const calls = 20
		for range calls {
			res := callModel(t, s, key, 100)
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				t.Fatal(res.Status, err)
			}
			_ = res.Body.Close()
		}
		s.kill9()
		s = c.serves()
		owner = owner.at(s)
		owner.verified(t)
		if n := owner.modelCalls(t); n != calls {
			t.Errorf("%d calls are in the log, want %d", n, calls)
		}
		s.stop()
		c.endReservations()
		s = c.serves()
		owner = owner.at(s)
		eventually(t, "what became of the calls", func() bool {
			rows, _ := owner.want(t, http.StatusOK, "GET", "/v1/shroud/activity", nil)["events"].([]any)
			if len(rows) > calls {
				t.Fatalf("%d rows of %d calls", len(rows), calls)
			}
			return len(rows) == calls
		})
		s.stop()
	})
}

// modelAgent makes an agent that may call models, and returns its key.
func modelAgent(t testing.TB, owner caller, config map[string]any) (key string) {
	t.Helper()
	made := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]string{"name": "caller"})
	owner.want(t, http.StatusOK, "PATCH", "/v1/agents/"+text(t, made, "agent", "id"), map[string]any{"shroud_enabled": true, "shroud_config": config})
	return text(t, made, "api_key")
}

// callModel asks for a stream with the provider's key in a header. The caller reads the answer.
func callModel(t testing.TB, s *server, key string, tokens int) *http.Response {
	t.Helper()
	body := fmt.Sprintf(`{"model":"gpt-5","stream":true,"max_tokens":%d,"messages":[{"role":"user","content":"Hello"}]}`, tokens)
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, s.ShroudURL+"/v1/chat/completions", strings.NewReader(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shroud-Agent-Key", key)
	r.Header.Set("X-Shroud-Provider", "openai")
	r.Header.Set("X-Shroud-Api-Key", "sk-of-the-provider")
	return must[*http.Response](t)((&http.Transport{DisableKeepAlives: true}).RoundTrip(r))
}

// refusedFor wants the budget to have no room for another call, and the reason for it.
func refusedFor(t testing.TB, s *server, key, why string) {
	t.Helper()
	res := callModel(t, s, key, 50_000)
	defer res.Body.Close()
	var b strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&b); err != nil || res.StatusCode != http.StatusTooManyRequests || !strings.Contains(b.String(), why) {
		t.Errorf("%d %s %v, want %q", res.StatusCode, b.String(), err, why)
	}
}

// modelCalls is how many calls of models that went on are in the log.
func (c caller) modelCalls(t testing.TB) int {
	t.Helper()
	all, _ := c.want(t, http.StatusOK, "GET", "/v1/audit/events?action=model.call&outcome=success", nil)["events"].([]any)
	return len(all)
}

// endReservations lets the leases of all reservations be over, as minutes without their node do.
func (c counting) endReservations() {
	c.t.Helper()
	source := c.source
	if c.driver == "sqlite" {
		source = "file:" + filepath.Join(c.data, "oneclaw.db")
	}
	db := must[*sql.DB](c.t)(sql.Open(c.driver, source))
	defer db.Close()
	if _, err := db.ExecContext(c.t.Context(), `UPDATE shroud_open SET lease_until = created_at`); err != nil {
		c.t.Fatal(err)
	}
}
