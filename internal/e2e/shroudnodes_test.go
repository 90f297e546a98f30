package e2e_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// What ends a right on one node ends the calls under way on another: a stream with its dialect's error, another answer
// with a 403. Both are in the log, beside what ended the right, and are paid for once.
func TestARightThatEndsOnOneNodeEndsCallsOnAnother(t *testing.T) {
	stub := llmstub.New(t)
	dsn := pgtest.Shared(t).DSN(t)
	c := newNodes(t, dsn, 2, fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={"openai":%q}`, stub.URL))
	servers := c.start()
	owner, there := servers[0].login(), servers[1].login()
	db := must[*sql.DB](t)(sql.Open("pgx", dsn))
	t.Cleanup(func() { _ = db.Close() })

	for what, of := range map[string]struct {
		action string // in the log
		end    func(id, routerKey string)
		router bool // the calls are made with a router key
	}{
		"frozen": {"agent.freeze", func(id, _ string) {
			there.want(t, 200, "POST", "/v1/agents/"+id+"/freeze", map[string]string{"reason": "a test"})
		}, false},
		"deactivated": {"agent.update", func(id, _ string) { there.want(t, 200, "PATCH", "/v1/agents/"+id, map[string]any{"is_active": false}) }, false},
		"a new key":   {"agent.rotate_key", func(id, _ string) { there.want(t, 200, "POST", "/v1/agents/"+id+"/rotate-key", nil) }, false},
		"a key's end": {"router_key.revoke", func(id, key string) { there.want(t, 204, "DELETE", "/v1/agents/"+id+"/router-keys/"+key, nil) }, true},
		"Shroud taken": {"agent.update", func(id, _ string) {
			there.want(t, 200, "PATCH", "/v1/agents/"+id, map[string]any{"shroud_enabled": false})
		}, false},
		"an agent's end": {"agent.deactivate", func(id, _ string) { there.want(t, 204, "DELETE", "/v1/agents/"+id, nil) }, false},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorker(t, owner, what)
			owner.want(t, 200, "PATCH", "/v1/agents/"+w.id, map[string]any{"shroud_enabled": true,
				"shroud_config": map[string]any{"daily_budget_usd": 5, "enable_response_filtering": false}})
			key, routerKey := w.key, ""
			if of.router {
				owner.want(t, 201, "PUT", w.vault+"/secrets/providers/openai/api-key", map[string]string{"value": "sk-of-the-provider"})
				made := owner.want(t, 201, "POST", "/v1/agents/"+w.id+"/router-keys", map[string]string{"name": "one"})
				key, routerKey = text(t, made, "api_key"), text(t, made, "key", "id")
			}
			stream := modelCall(t, stub, servers[0], key, !of.router, true)
			whole := modelCall(t, stub, servers[0], key, !of.router, false)
			of.end(w.id, routerKey)
			began := time.Now()
			status, body := stream()
			if heard, err := llmstub.HearStream(llmstub.Chat, []byte(body)); status != 200 || err != nil || !strings.Contains(heard.Failed, "the right to it ended") ||
				strings.Contains(body, "never ended") {
				t.Errorf("the stream: %d %v %s", status, err, body)
			}
			if status, body := whole(); status != 403 || !strings.Contains(body, "the right to it ended") {
				t.Errorf("the whole answer: %d %s", status, body)
			}
			t.Logf("both ended after %v", time.Since(began).Round(time.Millisecond))

			var rows []any
			eventually(t, "what became of the calls", func() bool {
				rows, _ = owner.want(t, 200, "GET", "/v1/shroud/activity?agent_id="+w.id, nil)["events"].([]any)
				return len(rows) == 2
			})
			if all := fmt.Sprint(rows); strings.Count(all, "cut_by:rights") != 2 || strings.Count(all, "action:blocked") != 2 {
				t.Errorf("activity: %s", all)
			}
			for action, n := range map[string]int{"model.call": 2, of.action: 1} {
				all, _ := owner.want(t, 200, "GET", "/v1/audit/events?limit=100&action="+action, nil)["events"].([]any)
				seen := 0
				for _, e := range all {
					if all := fmt.Sprint(e); strings.Contains(all, w.id) || routerKey != "" && strings.Contains(all, routerKey) {
						seen++
					}
				}
				if seen < n {
					t.Errorf("%d events %s are in the log: %v", seen, action, all)
				}
			}
			var open, held, spent, cost int64
			if err := db.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM shroud_open WHERE agent_id = $1), (SELECT SUM(held)::bigint FROM shroud_days WHERE agent_id = $1),
				(SELECT SUM(spent)::bigint FROM shroud_days WHERE agent_id = $1), (SELECT SUM(cost)::bigint FROM shroud_activity WHERE agent_id = $1)`, w.id).Scan(&open, &held, &spent, &cost); err != nil {
				t.Fatal(err)
			}
			if open != 0 || held != 0 || spent != cost || spent == 0 {
				t.Errorf("%d are open, %d held, %d spent, %d in the activity", open, held, spent, cost)
			}
		})
	}
	for _, s := range servers {
		owner.at(s).verified(t)
	}
}

// modelCall begins a call whose answer never ends, and returns what waits for it.
func modelCall(t *testing.T, stub *llmstub.Server, s *server, key string, bringsKey, stream bool) (wait func() (int, string)) {
	t.Helper()
	reply := llmstub.Says(llmstub.Said(llmstub.Text, strings.Repeat("begun ", 90), "and never ended"))
	reply.Before = func(gone context.Context, i int) {
		if i > 1 || !stream {
			<-gone.Done()
		}
	}
	stub.Answer(reply)
	n := len(stub.Requests())
	body := fmt.Sprintf(`{"model":"gpt-5","stream":%v,"max_tokens":1000,"messages":[{"role":"user","content":"Hello"}]}`, stream)
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, s.ShroudURL+"/v1/chat/completions", strings.NewReader(body)))
	r.Header = http.Header{"Content-Type": {"application/json"}, "X-Shroud-Agent-Key": {key}, "X-Shroud-Provider": {"openai"}}
	if bringsKey {
		r.Header.Set("X-Shroud-Api-Key", "sk-of-the-provider")
	}
	type answer struct {
		status int
		body   string
	}
	begun, out := make(chan struct{}), make(chan answer, 1)
	go func() {
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			close(begun)
			out <- answer{0, err.Error()}
			return
		}
		defer func() { _ = res.Body.Close() }()
		in := bufio.NewReader(res.Body)
		_, _ = in.Peek(1) // of a stream some has come
		if stream {
			close(begun)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			b = append(b, err.Error()...)
		}
		out <- answer{res.StatusCode, string(b)}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stub.Await(ctx, n+1)
	if stream {
		<-begun
	}
	return func() (int, string) { a := <-out; return a.status, a.body }
}
