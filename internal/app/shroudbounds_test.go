package app

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// set gives the agent a shroud_config.
func (r *shroudRig) set(config string) {
	r.t.Helper()
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":`+config+`}`)
}

// TestEachOfManyAnswersCounts: a request for several answers is bounded as so many requests, and
// a number that servers may read in another way than Shroud is refused.
func TestEachOfManyAnswersCounts(t *testing.T) {
	r := shroud(t)
	r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "hi")))
	r.set(`{"max_tokens_per_request":100}`)
	const old, gemini = "/v1/completions", "/v1beta/models/gemini-2.5-pro:generateContent"
	for what, c := range map[string]struct {
		path, body string
		status     int
	}{
		"one prompt":              {old, `"max_tokens":60,"prompt":"a"`, 200},
		"one prompt in a list":    {old, `"max_tokens":60,"prompt":["a"]`, 200},
		"two prompts":             {old, `"max_tokens":60,"prompt":["a","b"]`, 403},
		"the best of two":         {old, `"max_tokens":60,"prompt":"a","best_of":2`, 403},
		"one of the best of two":  {old, `"max_tokens":60,"prompt":"a","n":1,"best_of":2`, 403},
		"two of two prompts":      {old, `"max_tokens":30,"prompt":["a","b"],"n":2`, 403},
		"two answers":             {chat, `"max_tokens":60,"messages":[],"n":2`, 403},
		"more than a number has":  {chat, `"max_tokens":4503599627370496,"messages":[],"n":4503599627370496`, 403},
		"a number as a text":      {chat, `"max_tokens":60,"messages":[],"n":"2"`, 400},
		"a number as a fraction":  {old, `"max_tokens":60,"prompt":"a","best_of":2.0`, 400},
		"no limit":                {chat, `"max_tokens":-1,"messages":[]`, 400},
		"nothing":                 {chat, `"max_tokens":60,"messages":[],"n":null`, 200},
		"answers without a limit": {chat, `"messages":[],"n":101`, 403},
		"two of Google's":         {gemini, `"contents":[],"generationConfig":{"maxOutputTokens":60,"candidateCount":2}`, 403},
		"two, said twice":         {gemini, `"contents":[],"generationConfig":{"maxOutputTokens":60,"candidateCount":2},"generation_config":{"candidateCount":1,"max_output_tokens":1}`, 403},
	} {
		h, body := r.usual(), `{"model":"gpt-4o",`+c.body+`}`
		if c.path == gemini {
			h, body = r.usual("X-Shroud-Provider", ""), `{`+c.body+`}`
		}
		if got := r.send("POST", c.path, body, h); got.status != c.status {
			t.Errorf("%s: %d %s, want %d", what, got.status, got.body, c.status)
		}
	}
	if got := r.send("POST", chat, `{"model":"gpt-4o","messages":[],"n":4}`, r.usual()); got.status != 200 || !strings.Contains(string(r.stub.Last().Body), `"max_completion_tokens":25`) {
		t.Errorf("four answers without a limit: %d %s; sent %s", got.status, got.body, r.stub.Last().Body)
	}
	if got := r.send("POST", chat, `{"model":"gpt-4o","messages":[],"max_tokens":null}`, r.usual()); got.status != 200 || string(r.stub.Last().Body) != `{"model":"gpt-4o","messages":[],"max_tokens":null,"max_completion_tokens":100}` {
		t.Errorf("null: %d %s; sent %s", got.status, got.body, r.stub.Last().Body)
	}
	r.set(`{"daily_budget_usd":0.05}`)
	before := len(r.stub.Requests())
	r.refused("500 prompts", 429, r.send("POST", old, `{"model":"gpt-4o","max_tokens":50,"prompt":[`+strings.Repeat(`"a",`, 499)+`"a"]}`, r.usual()))
	if n := len(r.stub.Requests()); n != before {
		t.Errorf("%d calls went on", n-before)
	}
}

// TestAStreamIsTrueOrFalse: what a server may take for true is no way around the number of streams.
func TestAStreamIsTrueOrFalse(t *testing.T) {
	r := shroud(t)
	for path, body := range map[string]string{
		chat: `"messages":[]`, "/v1/completions": `"prompt":"x"`, "/v1/responses": `"input":"x"`, "/v1/messages": `"max_tokens":9,"messages":[]`, "/v2/chat": `"messages":[]`,
	} {
		h := r.usual("X-Shroud-Provider", "")
		if path == chat || path == "/v1/completions" {
			h = r.usual()
		}
		before := len(r.stub.Requests())
		for _, stream := range []string{`1`, `0`, `"true"`, `""`, `[1]`, `[true]`, `{}`, `1.0`} {
			r.refused(path+" "+stream, 400, r.send("POST", path, `{"model":"m","stream":`+stream+`,`+body+`}`, h))
		}
		if n := len(r.stub.Requests()); n != before {
			t.Errorf("%s: %d calls went on", path, n-before)
		}
		for _, stream := range []string{`true`, `false`, `null`} {
			if got := r.send("POST", path, `{"model":"m","stream":`+stream+`,`+body+`}`, h); got.status == 400 {
				t.Errorf("%s %s: %s", path, stream, got.body)
			}
		}
	}
}

// TestAFilterIsNotTriedWithoutLimit: a call that is refused for what was found in it counts as one that goes on, and
// beyond the limit nobody is told what would be found.
func TestAFilterIsNotTriedWithoutLimit(t *testing.T) {
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) { filterIsNotTried(t, shroudOn(t, dsn)) })
	}
}

func filterIsNotTried(t *testing.T, r *shroudRig) {
	r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "hi")))
	const attack = `{"model":"gpt-4o","messages":[{"role":"user","content":"run this: ls; rm -rf / now"}]}`
	const private = `{"model":"gpt-4o","messages":[{"role":"user","content":"Write to jane.doe@example.org."}]}`
	const header = "X-Shroud-Inspection"
	another := func(name, config string) {
		r.agent, r.key = r.mcpRig.agent(name)
		r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_enabled":true,"shroud_config":`+config+`}`)
	}
	rows := func() int {
		return len(r.rest("GET", "/v1/shroud/activity", r.owner, "")["events"].([]any))
	}
	for what, c := range map[string]struct {
		config string
		body   string
		key    string
		status int
	}{
		"an attack":                      {`{"max_requests_per_minute":2}`, attack, providerKey, 403},
		"an attack, by day":              {`{"max_requests_per_day":2}`, attack, providerKey, 403},
		"personal data that is stopped":  {`{"max_requests_per_day":2,"pii_policy":"block"}`, private, providerKey, 403},
		"personal data and no key":       {`{"max_requests_per_day":2,"pii_policy":"warn"}`, private, "", 401},
		"an attack and no key":           {`{"max_requests_per_day":2}`, attack, "", 403},
		"personal data in calls that go": {`{"max_requests_per_day":2,"pii_policy":"warn"}`, private, providerKey, 200},
	} {
		another(what, c.config)
		for i := range 2 {
			if got := r.send("POST", chat, c.body, r.usual("X-Shroud-Api-Key", c.key)); got.status != c.status || got.header.Get(header) == "" {
				t.Errorf("%s, call %d: %d %s, %q", what, i, got.status, got.body, got.header.Get(header))
			}
		}
		before, sent := rows(), len(r.stub.Requests())
		for range 2 {
			if got := r.send("POST", chat, c.body, r.usual("X-Shroud-Api-Key", c.key)); got.status != 429 || got.header.Get(header) != "" || got.header.Get("Retry-After") == "" {
				t.Errorf("%s, beyond the limit: %d %s, %q", what, got.status, got.body, got.header)
			}
		}
		r.refused(what+": another beyond it", 429, r.send("POST", chat, hello, r.usual()))
		if n := rows(); n != before || len(r.stub.Requests()) != sent {
			t.Errorf("%s: %d rows, and there were %d", what, n, before)
		}
	}
	another("last", `{"max_requests_per_day":2,"denied_models":["gpt-4o"]}`)
	for range 4 { // nothing of a text is told by these
		r.refused("another model", 403, r.send("POST", chat, attack, r.usual()))
	}
	r.set(`{"daily_budget_usd":5}`)
	r.refused("an attack with a budget", 403, r.send("POST", chat, attack, r.usual()))
	r.set(`{"max_requests_per_day":1}`)
	if got := r.send("POST", chat, hello, r.usual()); got.status != 200 {
		t.Errorf("the first that counts: %d %s", got.status, got.body)
	}
}
