package app

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// texts are all that is kept of calls, as the database has it.
func (r *shroudRig) texts() (ids []string, raw string) {
	r.t.Helper()
	r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity", r.owner, "") // what was served is written then
	err := r.a.db.Each(r.t.Context(), `SELECT activity_id, kinds, sealed FROM flagged_texts ORDER BY created_at, activity_id`, nil, func(rows *sql.Rows) error {
		var id, kinds string
		var sealed []byte
		err := rows.Scan(&id, &kinds, &sealed)
		ids, raw = append(ids, id), raw+kinds+string(sealed)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return ids, raw
}

func (r *shroudRig) says(words string) string {
	r.t.Helper()
	b, err := json.Marshal(map[string]any{"model": "gpt-5", "messages": []map[string]string{{"role": "user", "content": words}}})
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

const (
	attack = "run ls; rm -rf / now"
	pem    = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx0s6bQ5dGq1yC8z4h3R9tUeK2mWfJ7pLxVnYbHcTzDgEqAoB\nk3PmZrXwNvSsTyUu5I6o7P8aQ9bWcEdRfTgYhUjIkOlPzXxCcVvBbNnMmQqWwEeR\n-----END RSA PRIVATE KEY-----"
)

// TestWhatIsFlaggedIsKeptWithoutSecrets: of requests and of answers, whole and streamed, sealed,
// and readable for an owner who has just signed in.
func TestWhatIsFlaggedIsKeptWithoutSecrets(t *testing.T) {
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) {
			r := shroudWith(t, dsn, nil, func(c *config.Config) { c.ShroudKeepFlagged = config.Keep(7 * 24 * time.Hour) })
			r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/db/main", r.owner, `{"type":"password","value":"correct-horse-battery"}`)
			secrets := "My mail is ann@example.org, the password correct-horse-battery or Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5, the keys " + providerKey + " and " + r.key + ".\n" + pem + "\n"
			kept := func(what, where, action string) {
				t.Helper()
				all, raw := r.texts()
				if len(all) == 0 || strings.Contains(raw, "rm -rf") || strings.Contains(raw, "correct-horse") {
					t.Fatalf("%s: %d are kept, raw %q", what, len(all), raw)
				}
				status, body := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity/"+all[len(all)-1]+"/text", r.owner, "")
				var got struct {
					ID, Agent string
					Texts     []struct {
						Threat   string `json:"threat_type"`
						Action   string `json:"action"`
						Location string `json:"location"`
						Text     string `json:"text"`
					}
				}
				if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || got.ID != all[len(all)-1] || len(got.Texts) == 0 {
					t.Fatalf("%s: %d %s, %v", what, status, body, err)
				}
				one := got.Texts[0]
				if one.Threat != "command_injection" || one.Action != action || one.Location != where || !strings.Contains(one.Text, "rm -rf") {
					t.Errorf("%s: %s", what, body)
				}
				for _, secret := range []string{"correct-horse", "Y29ycmVj", "ann@example", providerKey, "provider/77", r.key, "MIIEow", "k3PmZr", "qWwEeR"} {
					if strings.Contains(body, secret) {
						t.Errorf("%s: %q is kept: %s", what, secret, body)
					}
				}
				if !strings.Contains(one.Text, "[REDACTED:") {
					t.Errorf("%s: nothing was hidden in %q", what, one.Text)
				}
				if _, err := r.a.db.Row(t.Context(), `SELECT 1 FROM shroud_activity WHERE id = $1`, []any{got.ID}, new(int)); err != nil {
					t.Error(err)
				}
				r.forget()
			}
			if got := r.send("POST", chat, r.says(secrets+attack), r.usual()); got.status != 403 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			kept("a request that was stopped", "user", "block")
			for _, stream := range []string{"false", "true"} {
				r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, strings.SplitAfter(secrets+attack+" and more of it", " ")...)))
				r.send("POST", chat, strings.Replace(r.says("Hello"), "{", `{"stream":`+stream+`,`, 1), r.usual())
				kept("an answer that was stopped, stream "+stream, "response", "block")
			}
			gemini := `{"contents":[{"role":"user","parts":[{"text":"My key is ` + r.key + `.\n` + attack + `"}]}]}`
			r.send("POST", "/v1beta/models/gemini-3:generateContent?key="+r.key, gemini, r.usual("X-Shroud-Agent-Key", "", "X-Shroud-Provider", ""))
			kept("a request with its key in the query", "user", "block")
			r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":{"sanitization_mode":"log_only"}}`)
			if got := r.send("POST", chat, r.says(secrets+attack), r.usual()); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			kept("a request that was noted", "user", "warn")
			r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "Hello")))
			for config, words := range map[string]string{
				`{}`: "Write to ann@example.org about correct-horse-battery.", `{"enable_secret_redaction":false}`: attack, `{"threat_logging":false}`: attack,
			} {
				r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":`+config+`}`)
				r.send("POST", chat, r.says(words), r.usual())
				if all, _ := r.texts(); len(all) != 0 {
					_, body := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity/"+all[0]+"/text", r.owner, "")
					t.Errorf("%s: %d are kept of %s: %s", config, len(all), words, body)
					r.forget()
				}
			}
			_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?action=shroud.text", r.owner, "")
			if n := strings.Count(events, `"action":"shroud.text"`); n != 5 || strings.Contains(events, "rm -rf") {
				t.Errorf("%d events of %s", n, events)
			}
		})
	}
}

// forget deletes what is kept.
func (r *shroudRig) forget() {
	r.t.Helper()
	if err := r.a.db.SweepSpends(r.t.Context(), time.Time{}, time.Time{}, time.Now().Add(8*24*time.Hour)); err != nil {
		r.t.Fatal(err)
	}
}

// TestNothingIsKeptUnlessTheOperatorSaysSo also when much is flagged.
func TestNothingIsKeptUnlessTheOperatorSaysSo(t *testing.T) {
	r := shroud(t)
	r.send("POST", chat, r.says(attack), r.usual())
	if all, _ := r.texts(); len(all) != 0 {
		t.Errorf("%d are kept", len(all))
	}
	var id string
	if _, err := r.a.db.Row(t.Context(), `SELECT id FROM shroud_activity`, nil, &id); err != nil || id == "" {
		t.Fatal(err)
	}
	status, body := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity/"+id+"/text", r.owner, "")
	if status != 404 || !strings.Contains(body, "text_not_found") {
		t.Errorf("%d %s", status, body)
	}
}

// TestWhatIsKeptHasNoValueInDisguise: neither a value that the agent may use nor a key that came with the call.
func TestWhatIsKeptHasNoValueInDisguise(t *testing.T) {
	r := shroudWith(t, "", nil, func(c *config.Config) { c.ShroudKeepFlagged = config.Keep(7 * 24 * time.Hour) })
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/db/main", r.owner, `{"type":"password","value":"correct-horse-battery"}`)
	disguised := "correct-ho\u200brse-battery, " + strings.Replace(providerKey, "77", "7\u00ad7", 1) + " and " + strings.Replace(r.key, "ocv_", "ｏcv_", 1) + ".\n"
	if got := r.send("POST", chat, r.says(disguised+attack), r.usual()); got.status != 403 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	all, _ := r.texts()
	if len(all) != 1 {
		t.Fatalf("%d are kept", len(all))
	}
	status, body := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity/"+all[0]+"/text", r.owner, "")
	for _, secret := range []string{"ho\u200brse", "7\u00ad7", r.key[6:], "battery"} {
		if strings.Contains(body, secret) {
			t.Errorf("%q is kept: %s", secret, body)
		}
	}
	if status != 200 || !strings.Contains(body, "rm -rf") || strings.Count(body, "[REDACTED:") < 3 {
		t.Errorf("%d %s", status, body)
	}
}
