package app

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// cutPaths are a path of each dialect.
var cutPaths = map[llmstub.Dialect]string{
	llmstub.Chat: chat, llmstub.Responses: "/v1/responses", llmstub.Messages: "/v1/messages",
	llmstub.Gemini: "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", llmstub.Cohere: "/v2/chat",
}

// thinking is an answer of which so many events come, and no more until its caller is gone.
func thinking(r *shroudRig, come int) {
	reply := llmstub.Says(llmstub.Said(llmstub.Text, strings.Repeat("begun already ", 40), "and never ended"))
	reply.Before = func(gone context.Context, i int) {
		if i >= come {
			<-gone.Done()
		}
	}
	r.stub.Answer(reply)
}

// running starts a call and returns its answer once the provider has it.
func (r *shroudRig) running(path, body string, h http.Header) (wait func() said) {
	r.t.Helper()
	n, out := len(r.stub.Requests()), make(chan said, 1)
	go func() { out <- r.send("POST", path, body, h) }()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	r.stub.Await(ctx, n+1)
	return func() said { return <-out }
}

// What ends the right to a call ends it while it runs, and says so in the dialect's own way.
func TestWhatEndsARightEndsItsStreams(t *testing.T) {
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) { endsStreams(t, shroudWith(t, dsn, nil)) })
	}
}

func endsStreams(t *testing.T, r *shroudRig) {
	policyOf := func(agent string) string {
		for _, p := range r.rest("GET", "/v1/vaults/"+r.vault+"/policies", r.owner, "")["policies"].([]any) {
			if p := p.(map[string]any); p["principal_id"] == agent {
				return "/v1/vaults/" + r.vault + "/policies/" + p["id"].(string)
			}
		}
		t.Fatal("the agent has no policy")
		return ""
	}
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/providers/openai/api-key", r.owner, `{"type":"api_key","value":"sk-from-the-vault"}`)
	// Each takes an agent of its own.
	for what, c := range map[string]struct {
		credential func(id, key string) string
		end        func(id, credential string)
		vault      bool // the provider's key is from the vault
	}{
		"deactivated":   {nil, func(id, _ string) { r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"is_active":false}`) }, false},
		"Shroud is off": {nil, func(id, _ string) { r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_enabled":false}`) }, false},
		"a model is denied": {nil, func(id, _ string) {
			r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_config":{"denied_models":["gpt-5"]}}`)
		}, false},
		"a new key": {nil, func(id, _ string) { r.rest("POST", "/v1/agents/"+id+"/rotate-key", r.owner, "") }, false},
		"deleted":   {nil, func(id, _ string) { r.gone("DELETE", "/v1/agents/"+id, r.owner) }, false},
		"frozen":    {nil, func(id, _ string) { r.rest("POST", "/v1/agents/"+id+"/freeze", r.owner, `{"reason":"a test"}`) }, false},
		"a revoked token": {func(_, key string) string {
			return r.rest("POST", "/v1/auth/agent-token", "", `{"api_key":"`+key+`"}`)["access_token"].(string)
		}, func(_, token string) { r.gone("DELETE", "/v1/auth/token", token) }, false},
		"no right to the key": {nil, func(id, _ string) { r.gone("DELETE", policyOf(id), r.owner) }, true},
	} {
		id, key := r.mcpRig.agent("agent "+what, r.vault)
		r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_enabled":true,"shroud_config":{"daily_budget_usd":50}}`)
		credential := key
		if c.credential != nil {
			credential = c.credential(id, key)
		}
		h := r.usual("X-Shroud-Agent-Key", credential)
		if c.vault {
			h.Del("X-Shroud-Api-Key")
		}
		thinking(r, 2)
		stream := r.running(chat, strings.Replace(hello, "{", `{"stream":true,"max_tokens":50,`, 1), h)
		thinking(r, 0)
		whole := r.running(chat, strings.Replace(hello, "{", `{"max_tokens":50,`, 1), h)
		c.end(id, credential)
		got := stream()
		heard, err := llmstub.HearStream(llmstub.Chat, []byte(got.body))
		if got.status != 200 || got.err != nil || err != nil || !strings.Contains(heard.Failed, "the right to it ended") || strings.Contains(got.body, "never ended") {
			t.Errorf("%s: %d %v %v %s", what, got.status, got.err, err, got.body)
		}
		r.refused(what+", an answer that is no stream", 403, whole())
		_, list := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity?agent_id="+id, r.owner, "")
		if strings.Count(list, `"cut_by":"rights"`) != 2 || strings.Count(list, `"right_ended"`) != 2 || strings.Contains(list, `"cost_usd":"0"`) {
			t.Errorf("%s: %s", what, list)
		}
	}
}

// TestWhatEndsARightOnAnotherNodeEndsItsStreams: the stream is on one node, and the right ends on another.
func TestWhatEndsARightOnAnotherNodeEndsItsStreams(t *testing.T) {
	dsn, here := pgtest.Shared(t).DSN(t), t.TempDir()
	r := shroudWith(t, dsn, nil, func(cfg *config.Config) { cfg.Data = here })
	other := secondNode(t, dsn, here)
	for what, end := range map[string]func(id string) (method, path, body string){
		"frozen":      func(id string) (_, _, _ string) { return "POST", "/v1/agents/" + id + "/freeze", `{"reason":"a test"}` },
		"deactivated": func(id string) (_, _, _ string) { return "PATCH", "/v1/agents/" + id, `{"is_active":false}` },
		"a new key":   func(id string) (_, _, _ string) { return "POST", "/v1/agents/" + id + "/rotate-key", "" },
	} {
		id, key := r.mcpRig.agent("agent "+what, r.vault)
		r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_enabled":true}`)
		thinking(r, 2)
		wait := r.running(chat, strings.Replace(hello, "{", `{"stream":true,`, 1), r.usual("X-Shroud-Agent-Key", key))
		method, path, body := end(id)
		if status, text := r.mcpRig.send(other.api, method, path, r.owner, body); status > 299 {
			t.Fatalf("%s: %d %s", what, status, text)
		}
		got := wait() // a stream whose right is not asked for goes on until the test's own end
		heard, err := llmstub.HearStream(llmstub.Chat, []byte(got.body))
		if got.status != 200 || got.err != nil || err != nil || !strings.Contains(heard.Failed, "the right to it ended") || strings.Contains(got.body, "never ended") {
			t.Errorf("%s: %d %v %v %s", what, got.status, got.err, err, got.body)
		}
	}
}

// secondNode is a node on the same database, with the keys of the first.
func secondNode(t *testing.T, dsn, of string) *App {
	t.Helper()
	cfg, err := config.Read(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.DatabaseURL, cfg.Data, cfg.Dev, cfg.RateAuth = secret.FromString(dsn), t.TempDir(), true, config.Rate{}
	err = os.CopyFS(cfg.Data, os.DirFS(of))
	if err == nil {
		err = filepath.WalkDir(cfg.Data, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return os.Chmod(path, 0o600)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), cfg, &listen.Listeners{At: listen.Addresses{API: "http://127.0.0.1:1"}, Files: &listen.Files{}}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// Each dialect has its own way to say so.
func TestAFreezeIsToldInEachDialect(t *testing.T) {
	r := shroud(t)
	waits := map[llmstub.Dialect]func() said{}
	thinking(r, 1)
	for d, path := range cutPaths {
		h := r.usual("X-Shroud-Provider", "")
		if d == llmstub.Chat {
			h = r.usual()
		}
		waits[d] = r.running(path, `{"model":"m","stream":true,"input":"x"}`, h)
	}
	r.rest("POST", "/v1/org/freeze", r.owner, `{"reason":"a test"}`)
	for d, wait := range waits {
		got := wait()
		heard, err := llmstub.HearStream(d, []byte(got.body))
		if got.err != nil || err != nil || !strings.Contains(heard.Failed, "the right to it ended") {
			t.Errorf("%s: %v %v %s", d, got.err, err, got.body)
		}
	}
}

// Another change of the organisation, a token that expires and a key that is given a new value
// leave what runs alone.
func TestOtherChangesEndNoStream(t *testing.T) {
	r := shroud(t)
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/providers/openai/api-key", r.owner, `{"type":"api_key","value":"sk-from-the-vault"}`)
	goOn := make(chan struct{})
	reply := llmstub.Says(llmstub.Said(llmstub.Text, "begun ", "and ended"))
	reply.Before = func(_ context.Context, i int) {
		if i == 2 {
			<-goOn
			<-time.After(time.Second) // a provider that takes its time
		}
	}
	r.stub.Answer(reply)
	wait := r.running(chat, strings.Replace(hello, "{", `{"stream":true,`, 1), r.usual("X-Shroud-Api-Key", ""))
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/providers/openai/api-key", r.owner, `{"type":"api_key","value":"sk-another"}`)
	other, _ := r.mcpRig.agent("other", r.vault)
	r.rest("PATCH", "/v1/agents/"+other, r.owner, `{"is_active":false}`)
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":{"allowed_models":["gpt-5"]}}`)
	close(goOn)
	if got := wait(); got.err != nil || !strings.Contains(got.body, "and ended") || strings.Contains(got.body, "error") {
		t.Errorf("%v %s", got.err, got.body)
	}
}

// Who hangs up on a call that the provider has is charged for it: the provider may bill it.
func TestHangingUpIsNotFree(t *testing.T) {
	r := shroud(t)
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":{"daily_budget_usd":5}}`)
	for _, stream := range []string{"true", "false"} {
		ctx, hangUp := context.WithCancel(t.Context())
		reply := llmstub.Says(llmstub.Said(llmstub.Text, "thought"))
		reply.Before = func(gone context.Context, _ int) {
			hangUp()
			<-gone.Done()
		}
		r.stub.Answer(reply)
		req, err := http.NewRequestWithContext(ctx, "POST", r.url+chat, strings.NewReader(strings.Replace(hello, "{", `{"max_tokens":90,"stream":`+stream+`,`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = r.usual()
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.ReadAll(res.Body) // it ends when it is cancelled
			_ = res.Body.Close()
		}
		hangUp()
		<-r.stub.Last().Gone()
	}
	list := r.settled(2)
	if strings.Count(list, `"cut_by":"caller"`) != 2 || strings.Contains(list, "not_served") {
		t.Errorf("activity: %s", list)
	}
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":null}`)
	r.send("POST", chat, hello, r.usual("X-Shroud-Provider", "nobody"))
	if list := r.settled(3); strings.Count(list, "not_served") != 1 {
		t.Errorf("a provider that is not there: %s", list)
	}
}

// settled is the list of what became of calls once it has n.
func (r *shroudRig) settled(n int) string {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		_, list := r.mcpRig.send(r.a.api, "GET", "/v1/shroud/activity?limit=100", r.owner, "")
		if strings.Count(list, `"cost_usd"`) >= n || time.Now().After(end) {
			return list
		}
	}
}

func (m *mcpRig) gone(method, path, token string) {
	m.t.Helper()
	if status, body := m.send(m.a.api, method, path, token, ""); status > 299 {
		m.t.Fatalf("%s %s: %d %s", method, path, status, body)
	}
}

// A long conversation counts against what an agent may hold until the provider has it, and not
// for as long as the model thinks.
func TestLongConversationsRunBesideEachOther(t *testing.T) {
	r := shroud(t)
	thinking(r, 1)
	body := `{"model":"m","stream":true,"messages":[{"role":"system","content":"` + strings.Repeat("quiet words ", 4<<20/12) + `"}]}`
	for n := range 6 {
		req, err := http.NewRequestWithContext(t.Context(), "POST", r.url+chat, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = r.usual()
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != 200 {
			b, err := io.ReadAll(res.Body)
			t.Fatalf("conversation %d: %d %s %v", n, res.StatusCode, b, err)
		}
	}
	if in, _ := r.a.in.Used(); in != 0 {
		t.Errorf("%d bytes are held", in)
	}
}

// A key that is deleted, or expires, ends the calls that were made with it. One whose uses are
// spent does not: the last of them is the call's own.
func TestTheEndOfAKeyEndsItsStreams(t *testing.T) {
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) {
			r := shroudWith(t, dsn, nil)
			for what, c := range map[string]struct {
				lasts time.Duration
				end   func(path string)
			}{
				"deleted":  {time.Hour, func(path string) { r.gone("DELETE", "/v1/vaults/"+r.vault+"/secrets/"+path, r.owner) }},
				"disabled": {time.Hour, func(path string) { r.gone("POST", "/v1/vaults/"+r.vault+"/secret-version-disable/"+path+"/1", r.owner) }},
				"expires":  {3 * time.Second, func(string) {}},
			} {
				path := "models/" + what
				ends := time.Now().Add(c.lasts).UTC().Format(time.RFC3339Nano)
				r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/"+path, r.owner, `{"type":"api_key","value":"sk-that-ends","expires_at":"`+ends+`"}`)
				thinking(r, 2)
				wait := r.running(chat, strings.Replace(hello, "{", `{"stream":true,`, 1), r.usual("X-Shroud-Api-Key", "vault://"+r.vault+"/"+path))
				c.end(path)
				got := wait()
				if heard, err := llmstub.HearStream(llmstub.Chat, []byte(got.body)); err != nil || !strings.Contains(heard.Failed, "the right to it ended") {
					t.Errorf("%s: %v %s", what, err, got.body)
				}
			}
			r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/models/once", r.owner, `{"type":"api_key","value":"sk-for-one-use","max_access_count":1}`)
			reply := llmstub.Says(llmstub.Said(llmstub.Text, "begun ", "and ended"))
			reply.Before = func(_ context.Context, i int) {
				if i == 2 {
					<-time.After(1500 * time.Millisecond) // a provider that takes its time
				}
			}
			r.stub.Answer(reply)
			got := r.send("POST", chat, strings.Replace(hello, "{", `{"stream":true,`, 1), r.usual("X-Shroud-Api-Key", "vault://"+r.vault+"/models/once"))
			if got.err != nil || !strings.Contains(got.body, "and ended") || strings.Contains(got.body, "error") {
				t.Errorf("the last use: %v %s", got.err, got.body)
			}
		})
	}
}
