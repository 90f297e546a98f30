package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A server that is killed while services answer says of each execution what came of it: it was cut off, and whether it
// was done is not known. A refresh token that its issuer had replaced already is lost, and a person stores another.
func TestAKilledServerSaysWhatItsExecutionsCameTo(t *testing.T) {
	onBothEngines(t, func(t *testing.T, c counting) {
		c.env = append(c.env, "ONECLAW_OUTBOUND_ALLOW=127.0.0.0/8")
		came, hang := make(chan string, 8), make(chan struct{})
		current := "refresh-token-one" // what the issuer takes; one request at a time
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/hangs":
				came <- "service"
				<-r.Context().Done()
			case "/token":
				_ = r.ParseForm()
				if r.PostForm.Get("refresh_token") != current {
					w.WriteHeader(http.StatusBadRequest)
					return
				}
				current += "-next"
				if strings.HasPrefix(current, "refresh-token-one") {
					came <- "issuer"
					<-hang // its answer never arrives
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"access_token":"access-token","refresh_token":%q,"expires_in":600}`, current)
			default:
				_, _ = io.WriteString(w, "answered")
			}
		}))
		defer service.Close()
		defer close(hang)

		s := c.serves()
		owner := s.login()
		made := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]any{"name": "executes", "execution_intents_enabled": true})
		at := "/v1/agents/" + text(t, made, "agent", "id")
		agent := owner.exchange(t, text(t, made, "api_key"))
		owner.want(t, http.StatusCreated, "POST", at+"/bindings", map[string]any{"name": "pay", "binding_type": "http", "config": map[string]any{"base_url": service.URL}, "credential": "a-credential-of-it"})
		grant := func(refresh string) map[string]any {
			return map[string]any{"client_id": "it", "client_secret": "secret-of-the-client", "refresh_token": refresh}
		}
		crm := owner.want(t, http.StatusCreated, "POST", at+"/bindings", map[string]any{
			"name": "crm", "binding_type": "http", "config": map[string]any{"base_url": service.URL, "auth_type": "oauth2", "token_url": service.URL + "/token"}, "credential": grant(current),
		})
		run := func(binding, path string) map[string]any {
			return map[string]any{"binding": binding, "intent_type": "http", "params": map[string]any{"path": path}}
		}
		agent.want(t, http.StatusOK, "POST", at+"/execute", run("pay", "/answers"))
		lost := make(chan struct{}, 2)
		for _, body := range []map[string]any{run("pay", "/hangs"), run("crm", "/answers")} {
			go func() {
				_, _ = agent.try(context.WithoutCancel(t.Context()), "POST", at+"/execute", body)
				lost <- struct{}{}
			}()
		}
		for range 2 {
			<-came
		}
		s.kill9()
		for range 2 {
			<-lost
		}
		if c.driver == "pgx" { // where other nodes may execute them, and hold the token, they are left for a while
			db := must[*sql.DB](t)(sql.Open(c.driver, c.source))
			for _, query := range []string{`UPDATE executions SET created_at = created_at - 120000000 WHERE status = 'running'`, `UPDATE refreshes SET held_until = 1`} {
				if _, err := db.ExecContext(t.Context(), query); err != nil {
					t.Fatal(err)
				}
			}
			_ = db.Close()
		}

		s = c.serves()
		owner, agent = owner.at(s), agent.at(s)
		var stored []string
		eventually(t, "what became of them, in the database", func() bool {
			stored = c.executions()
			return len(stored) == 3 && !strings.Contains(fmt.Sprint(stored), "running")
		})
		if got := fmt.Sprint(stored); got != "[error interrupted error interrupted success ]" {
			t.Errorf("they are stored as %s", got)
		}
		rows, _ := agent.want(t, http.StatusOK, "GET", at+"/executions", nil)["events"].([]any)
		if len(rows) != 3 || strings.Contains(fmt.Sprint(rows), "running") || strings.Count(fmt.Sprint(rows), "error_message:interrupted") != 2 {
			t.Errorf("the list has %v", rows)
		}
		if got := agent.want(t, http.StatusOK, "POST", at+"/execute", run("crm", "/answers")); got["status"] != "error" {
			t.Errorf("with a token that was used up: %v", got)
		}
		current = "refresh-token-two"
		owner.want(t, http.StatusOK, "POST", at+"/bindings/"+text(t, crm, "id")+"/rotate-credential", map[string]any{"credential": grant(current)})
		if got := agent.want(t, http.StatusOK, "POST", at+"/execute", run("crm", "/answers")); got["status"] != "success" || current != "refresh-token-two-next" {
			t.Errorf("with another: %v", got)
		}
		owner.verified(t)
		s.stop()
	})
}

// executions are what is stored of them, sorted.
func (c counting) executions() (out []string) {
	c.t.Helper()
	db := must[*sql.DB](c.t)(sql.Open(c.driver, c.source))
	defer db.Close()
	rows, err := db.QueryContext(c.t.Context(), `SELECT status, error FROM executions ORDER BY status, error`)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var status, code string
		if err := rows.Scan(&status, &code); err != nil {
			c.t.Fatal(err)
		}
		out = append(out, status+" "+code)
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return out
}
