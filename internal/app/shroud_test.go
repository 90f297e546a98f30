package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// shroudRig is a whole server with Shroud on a port, whose providers are one stub, and an
// agent that may call models.
type shroudRig struct {
	*mcpRig
	stub  *llmstub.Server
	url   string
	agent string // its id
	key   string
}

// shroud starts the rig. With change, the listener is another.
func shroud(t testing.TB, change ...func(*http.Server)) *shroudRig {
	t.Helper()
	return shroudOn(t, "", change...)
}

// shroudOn is shroud on a PostgreSQL database, unless dsn is empty.
func shroudOn(t testing.TB, dsn string, change ...func(*http.Server)) *shroudRig {
	t.Helper()
	return shroudWith(t, dsn, change)
}

// shroudWith is shroudOn with other settings.
func shroudWith(t testing.TB, dsn string, listener []func(*http.Server), change ...func(*config.Config)) *shroudRig {
	t.Helper()
	stub := llmstub.New(t)
	m := newMCPRigOn(t, dsn, func(cfg *config.Config) {
		for _, f := range change {
			f(cfg)
		}
		nobody := "http://127.0.0.1:1"
		if err := cfg.ShroudUpstreams.UnmarshalText(fmt.Appendf(nil, `{"openai":%q,"anthropic":%[1]q,"google":%[1]q,"mistral":%[1]q,"cohere":%[1]q,"local":%q,"nobody":%q}`,
			stub.URL, stub.URL+"/base/v1", nobody)); err != nil {
			t.Fatal(err)
		}
	})
	r := &shroudRig{mcpRig: m, stub: stub}
	r.agent, r.key = m.agent("caller", m.vault)
	m.rest("PATCH", "/v1/agents/"+r.agent, m.owner, `{"shroud_enabled":true}`)
	srv := httptest.NewUnstartedServer(m.a.models)
	for _, f := range listener {
		f(srv.Config)
	}
	srv.Start()
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r
}

// usual are the headers of a call: the agent's key, OpenAI, and a provider's key.
func (r *shroudRig) usual(more ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "X-Shroud-Agent-Key": {r.key}, "X-Shroud-Provider": {"openai"}, "X-Shroud-Api-Key": {providerKey}}
	for i := 0; i < len(more); i += 2 {
		if h.Set(more[i], more[i+1]); more[i+1] == "" {
			h.Del(more[i])
		}
	}
	return h
}

// twice are the usual headers, with one that is sent two times.
func (r *shroudRig) twice(name, value string) http.Header {
	h := r.usual()
	h[http.CanonicalHeaderKey(name)] = []string{value, value}
	return h
}

const providerKey = "sk-provider/77+&<key>"

// said is an answer, read whole.
type said struct {
	status int
	header http.Header
	body   string
	err    error // of reading it
}

func (r *shroudRig) send(method, path, body string, h http.Header) said {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = h
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return said{res.StatusCode, res.Header, string(b), err}
}

// refused wants Shroud's own error with the status (contract shroud.md, section 4).
func (r *shroudRig) refused(what string, status int, got said) {
	r.t.Helper()
	var e struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Type    string `json:"type"`
		} `json:"error"`
	}
	if got.status != status || json.Unmarshal([]byte(got.body), &e) != nil || e.Error.Code != status || e.Error.Message == "" || e.Error.Type != "shroud_error" ||
		got.header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s: %d %v %s, want %d", what, got.status, got.header, got.body, status)
	}
}

const (
	chat  = "/v1/chat/completions"
	hello = `{"model":"gpt-5","messages":[{"role":"user","content":"Hello"}]}`
)

func TestShroudRefuses(t *testing.T) {
	r := shroud(t)
	set := func(config string) func() {
		return func() { r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, config) }
	}
	big := `{"model":"gpt-5","messages":[{"role":"user","content":"` + strings.Repeat("x", 5<<20) + `"}]}`
	for _, c := range []struct {
		what   string
		before func()
		method string
		path   string
		body   string
		header http.Header
		status int
	}{
		{"no provider", nil, "POST", chat, hello, r.usual("X-Shroud-Provider", ""), 400},
		{"an unknown provider", nil, "POST", chat, hello, r.usual("X-Shroud-Provider", "acme"), 400},
		{"an unknown provider before the model", nil, "POST", chat, strings.Replace(hello, "gpt-5", "acme/gpt-5", 1), r.usual("X-Shroud-Provider", ""), 400},
		{"no JSON", nil, "POST", chat, `{"model"`, r.usual(), 400},
		{"an array", nil, "POST", chat, `[` + hello + `]`, r.usual(), 400},
		{"nothing", nil, "POST", chat, ``, r.usual(), 400},
		{"no model", nil, "POST", chat, `{"messages":[]}`, r.usual(), 400},
		{"a model with a NUL", nil, "POST", chat, strings.Replace(hello, "gpt-5", `gpt-5\u0000`, 1), r.usual(), 400},
		{"a model that is not all seen", nil, "POST", chat, strings.Replace(hello, "gpt-5", `gpt-5\u200b`, 1), r.usual(), 400},
		{"a model with a blank", nil, "POST", chat, strings.Replace(hello, "gpt-5", `gpt-5 `, 1), r.usual(), 400},
		{"a NUL after the provider", nil, "POST", chat, strings.Replace(hello, "gpt-5", `openai/\u0000`, 1), r.usual("X-Shroud-Provider", ""), 400},
		{"a long model", nil, "POST", chat, strings.Replace(hello, "gpt-5", strings.Repeat("m", 257), 1), r.usual(), 400},
		{"a model in the path that is no text", nil, "POST", "/v1beta/models/%ff:generateContent", `{"contents":[]}`, r.usual("X-Shroud-Provider", ""), 400},
		{"a model in the path with a NUL", nil, "POST", "/v1beta/models/%00:generateContent", `{"contents":[]}`, r.usual("X-Shroud-Provider", ""), 400},
		{"a key twice", nil, "POST", chat, `{"model":"a","model":"b","messages":[]}`, r.usual(), 400},
		{"another spelling", nil, "POST", chat, `{"model":"a","Messages":[]}`, r.usual(), 400},
		{"too deep", nil, "POST", chat, `{"model":"a","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, r.usual(), 400},
		{"tokens", nil, "POST", "/v1/embeddings", `{"model":"a","input":[1,2,3]}`, r.usual(), 400},
		{"an encoding", nil, "POST", chat, hello, r.usual("Content-Encoding", "br"), 400},
		{"what is no gzip", nil, "POST", chat, hello, r.usual("Content-Encoding", "gzip"), 400},
		{"no sse", nil, "POST", "/v1beta/models/gemini-3:streamGenerateContent", `{"contents":[]}`, r.usual("X-Shroud-Provider", ""), 400},
		{"a path of another provider", nil, "POST", "/v1/responses", hello, r.usual("X-Shroud-Provider", "anthropic"), 400},
		{"a path of another provider before the model", nil, "POST", "/v1/embeddings", strings.Replace(hello, "gpt-5", "anthropic/x", 1), r.usual("X-Shroud-Provider", ""), 400},
		{"a bad name of a secret", nil, "POST", chat, hello, r.usual("X-Shroud-Api-Key", "vault://x"), 400},
		{"two providers", nil, "POST", chat, hello, r.twice("X-Shroud-Provider", "openai"), 400},
		{"two keys of a provider", nil, "POST", chat, hello, r.twice("X-Shroud-Api-Key", providerKey), 400},
		{"two keys of a request", nil, "POST", chat, hello, r.twice("Idempotency-Key", "a"), 400},
		{"two models in headers", nil, "POST", chat, hello, r.twice("X-Shroud-Model", "a"), 400},
		{"two encodings", nil, "POST", chat, hello, r.twice("Content-Encoding", "gzip"), 400},
		{"two types", nil, "POST", chat, hello, r.twice("Content-Type", "text/plain"), 400},
		{"two credentials", nil, "POST", chat, hello, r.twice("X-Shroud-Agent-Key", r.key), 401},
		{"two keys as Anthropic has them", nil, "POST", chat, hello, r.twice("X-Api-Key", r.key), 401},
		{"two keys as Google has them", nil, "POST", chat, hello, r.twice("X-Goog-Api-Key", r.key), 401},
		{"two keys in the query", nil, "POST", chat + "?key=" + r.key + "&key=a", hello, r.usual(), 401},
		{"two authorizations", nil, "POST", chat, hello, r.twice("Authorization", "Bearer "+r.key), 401},
		{"no credential", nil, "POST", chat, hello, r.usual("X-Shroud-Agent-Key", ""), 401},
		{"a wrong key", nil, "POST", chat, hello, r.usual("X-Shroud-Agent-Key", "ocv_wrong"), 401},
		{"a bad key", nil, "POST", chat, hello, r.usual("X-Shroud-Agent-Key", "no:colon:ocv_"), 401},
		{"another agent's id", nil, "POST", chat, hello, r.usual("X-Shroud-Agent-Key", "00000000-0000-4000-8000-000000000001:"+r.key), 401},
		{"no provider's key", nil, "POST", chat, hello, r.usual("X-Shroud-Api-Key", ""), 401},
		{"no such secret", nil, "POST", chat, hello, r.usual("X-Shroud-Api-Key", "vault://"+r.vault+"/nothing/here"), 401},
		{"a human", nil, "POST", chat, hello, r.usual("X-Shroud-Agent-Key", "", "Authorization", "Bearer "+r.owner), 403},
		{"no such path", nil, "POST", "/v1/images/generations", hello, r.usual(), 404},
		{"a path nearby", nil, "POST", "/v1/chat/completions/", hello, r.usual(), 404},
		{"another method", nil, "GET", chat, "", r.usual(), 404},
		{"5 MB", nil, "POST", chat, big, r.usual(), 413},
		{"5 MB, packed", nil, "POST", chat, packed(big), r.usual("Content-Encoding", "gzip"), 413},
		{"a bomb", nil, "POST", chat, packed(strings.Repeat(" ", 20<<20)), r.usual("Content-Encoding", "gzip"), 413},
		{"nobody there", nil, "POST", chat, hello, r.usual("X-Shroud-Provider", "nobody"), 502},
		{"a model that is not allowed", set(`{"shroud_config":{"allowed_models":["gpt-4"]}}`), "POST", chat, hello, r.usual(), 403},
		{"a model that is denied", set(`{"shroud_config":{"denied_models":["GPT-5"]}}`), "POST", chat, hello, r.usual(), 403},
		{"a denied model after its provider", set(`{"shroud_config":{"denied_models":["gpt-5"]}}`), "POST", chat, strings.Replace(hello, "gpt-5", "openai/gpt-5", 1), r.usual("X-Shroud-Provider", ""), 403},
		{"a provider that is not allowed", set(`{"shroud_config":{"allowed_providers":["anthropic"]}}`), "POST", chat, hello, r.usual(), 403},
		{"Shroud is off", set(`{"shroud_config":null,"shroud_enabled":false}`), "POST", chat, hello, r.usual(), 403},
	} {
		if c.before != nil {
			c.before()
		}
		n := len(r.stub.Requests())
		got := r.send(c.method, c.path, c.body, c.header)
		r.refused(c.what, c.status, got)
		if strings.Contains(got.body, providerKey) || strings.Contains(got.body, r.key) || len(r.stub.Requests()) != n {
			t.Errorf("%s: it went on, or a key is in %s", c.what, got.body)
		}
		if strings.Contains(got.body, "Sign in") || strings.Contains(got.body, "exchange") {
			t.Errorf("%s: it is told to sign in: %s", c.what, got.body)
		}
		if c.status == 401 && got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %v", c.what, got.header)
		}
	}
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // a buffer takes it
	_ = z.Close()
	return b.String()
}

// A key says whose call it is, wherever a client puts it.
func TestShroudKnowsItsCallers(t *testing.T) {
	r := shroud(t)
	token := r.rest("POST", "/v1/auth/agent-token", "", `{"api_key":"`+r.key+`"}`)["access_token"].(string)
	other, otherKey := r.mcpRig.agent("other")
	r.rest("PATCH", "/v1/agents/"+other, r.owner, `{"shroud_enabled":true}`)
	both := r.agent + ":" + r.key
	for what, c := range map[string]struct {
		header []string
		query  string
		status int
	}{
		"id:key":                              {[]string{"X-Shroud-Agent-Key", both}, "", 200},
		"key":                                 {[]string{"X-Shroud-Agent-Key", r.key}, "", 200},
		"token":                               {[]string{"X-Shroud-Agent-Key", token}, "", 200},
		"Bearer id:key":                       {[]string{"Authorization", "Bearer " + both}, "", 200},
		"bearer key":                          {[]string{"Authorization", "bearer " + r.key}, "", 200},
		"Bearer token":                        {[]string{"Authorization", "Bearer " + token}, "", 200},
		"x-api-key":                           {[]string{"X-Api-Key", r.key}, "", 200},
		"x-api-key id:key":                    {[]string{"X-Api-Key", both}, "", 200},
		"x-goog-api-key":                      {[]string{"X-Goog-Api-Key", r.key}, "", 200},
		"?key=":                               {nil, "?key=" + r.key, 200},
		"the key before Authorization":        {[]string{"X-Shroud-Agent-Key", r.key, "Authorization", "Bearer sk-of-a-provider"}, "", 200},
		"the key before another's":            {[]string{"X-Shroud-Agent-Key", both, "Authorization", "Bearer " + other + ":" + otherKey}, "", 200},
		"a wrong key before a right one":      {[]string{"X-Shroud-Agent-Key", "ocv_wrong", "Authorization", "Bearer " + r.key}, "", 401},
		"a provider's x-api-key beside it":    {[]string{"X-Api-Key", "sk-ant-77", "Authorization", "Bearer " + r.key}, "", 200},
		"another id beside a provider's":      {[]string{"X-Api-Key", "sk-ant-77", "Authorization", "Bearer " + other + ":" + r.key}, "", 401},
		"a provider's Authorization beside":   {[]string{"Authorization", "Bearer sk-proj-77", "X-Api-Key", r.key}, "", 200},
		"another agent's id":                  {[]string{"X-Shroud-Agent-Key", other + ":" + r.key}, "", 401},
		"another agent's id in Authorization": {[]string{"Authorization", "Bearer " + other + ":" + r.key}, "", 401},
		"another agent's id with a token":     {[]string{"X-Shroud-Agent-Key", other + ":" + token}, "", 401},
		"no id":                               {[]string{"X-Shroud-Agent-Key", ":" + r.key}, "", 401},
		"Basic":                               {[]string{"Authorization", "Basic " + r.key}, "", 401},
		"a provider's key":                    {[]string{"Authorization", "Bearer sk-proj-77"}, "", 401},
		"a provider's key in the query":       {nil, "?key=AIza77", 401},
	} {
		h := r.usual(append([]string{"X-Shroud-Agent-Key", ""}, c.header...)...)
		got := r.send("POST", chat+c.query, hello, h)
		if got.status != c.status {
			t.Errorf("%s: %d %s, want %d", what, got.status, got.body, c.status)
		}
		if c.status != 200 {
			continue
		}
		last := r.stub.Last()
		if all := fmt.Sprint(last.Header, last.Query, string(last.Body)); strings.Contains(all, r.key) || strings.Contains(all, token) || strings.Contains(all, otherKey) || last.Key() != providerKey {
			t.Errorf("%s: the provider got %s", what, all)
		}
	}
}

// The provider gets the call as it came, and nothing that is not its business.
func TestShroudPassesCallsOn(t *testing.T) {
	r := shroud(t)
	r.set(`{"kept_context_detection":{"enabled":false}}`) // some name files and containers
	odd := "\t{ \"messages\" : [ {\"content\":\"H\\u00e9llo \\/ \\ud83e\\udd80 é\", \"role\":\"user\"} ],\r\n \"model\":\"gpt-5\" , \"later_field\": 1e3, \"temperature\":1.0 }\n"
	for what, c := range map[string]struct {
		provider, path, body, want string
		key                        string
	}{
		"chat":        {"openai", chat, odd, chat, "Authorization"},
		"completions": {"openai", "/v1/completions", `{"model":"m" , "prompt":"x"}`, "/v1/completions", "Authorization"},
		"embeddings":  {"openai", "/v1/embeddings", `{"model":"m" , "input":"x"}`, "/v1/embeddings", "Authorization"},
		"responses":   {"openai", "/v1/responses", string(llmstub.Bodies()["codex"]), "/v1/responses", "Authorization"},
		"no provider": {"", "/v1/responses", `{"model":"m", "input":"x"}`, "/v1/responses", "Authorization"},
		"messages":    {"", "/v1/messages", string(llmstub.Bodies()["claude-code"]), "/v1/messages", "X-Api-Key"},
		"a query":     {"anthropic", "/v1/messages?beta=true", `{"model":"m", "messages":[]}`, "/v1/messages", "X-Api-Key"},
		"a count":     {"Anthropic", "/v1/messages/count_tokens", `{"model":"m", "messages":[]}`, "/v1/messages/count_tokens", "X-Api-Key"},
		"gemini":      {"", "/v1beta/models/gemini-3:generateContent", string(llmstub.Bodies()["gemini"]), "/v1beta/models/gemini-3:generateContent", "X-Goog-Api-Key"},
		"an alias":    {"gemini", "/v1beta/models/gemini-3:countTokens", `{"contents":[]}`, "/v1beta/models/gemini-3:countTokens", "X-Goog-Api-Key"},
		"mistral":     {"mistral", chat, string(llmstub.Bodies()["mistral"]), chat, "Authorization"},
		"cohere":      {"cohere", "/v2/chat", string(llmstub.Bodies()["cohere"]), "/v2/chat", "Authorization"},
		"a base":      {"local", chat, odd, "/base/v1/chat/completions", "Authorization"},
		"a router":    {"", chat, `{"model":"local/some/model","messages":[]}`, "/base/v1/chat/completions", "Authorization"},
	} {
		h := r.usual("X-Shroud-Provider", c.provider)
		h["Cookie"], h["X-Forwarded-For"], h["Forwarded"], h["X-Real-Ip"] = []string{"a=b"}, []string{"10.1.2.3"}, []string{"for=10.1.2.3"}, []string{"10.1.2.3"}
		h["X-Shroud-Odd"], h["Connection"], h["X-Hop"], h["Proxy-Authorization"], h["Te"] = []string{"1"}, []string{"X-Hop, close"}, []string{"1"}, []string{"Basic x"}, []string{"trailers"}
		h["Cf-Connecting-Ip"], h["X-Client-Ip"], h["Fastly-Client-Ip"], h["X-Original-Forwarded-For"] = []string{"10.1.2.3"}, []string{"10.1.2.3"}, []string{"10.1.2.3"}, []string{"10.1.2.3"}
		h["Anthropic-Version"], h["Anthropic-Beta"], h["Openai-Beta"], h["User-Agent"] = []string{"2023-06-01"}, []string{"a", "b"}, []string{"x=1"}, []string{"sdk/1"}
		h["Authorization"] = []string{"Bearer sk-of-the-caller"}
		h["X-Api-Key"], h["X-Goog-Api-Key"] = []string{"sk-of-the-caller"}, []string{"sk-of-the-caller"}
		got := r.send("POST", c.path, c.body, h)
		if got.status != 200 {
			t.Errorf("%s: %d %s", what, got.status, got.body)
			continue
		}
		last := r.stub.Last()
		want := c.body
		if what == "a router" {
			want = strings.Replace(want, "local/", "", 1)
		}
		if string(last.Body) != want || last.Length != int64(len(want)) || last.Path != c.want {
			t.Errorf("%s: %s got %d %q, not %q", what, last.Path, last.Length, last.Body, want)
		}
		if strings.Contains(what, "query") != (last.Query == "beta=true") {
			t.Errorf("%s: %q", what, last.Query)
		}
		for _, name := range []string{"Cookie", "X-Forwarded-For", "Forwarded", "X-Real-Ip", "Cf-Connecting-Ip", "X-Client-Ip", "Fastly-Client-Ip", "X-Original-Forwarded-For", "X-Shroud-Odd", "X-Shroud-Agent-Key", "X-Shroud-Provider", "X-Shroud-Api-Key", "Connection", "X-Hop", "Proxy-Authorization", "Te"} {
			if last.Header.Get(name) != "" {
				t.Errorf("%s: the provider got %s: %q", what, name, last.Header[name])
			}
		}
		if len(last.Header["Anthropic-Beta"]) != 2 || last.Header.Get("User-Agent") != "sdk/1" || last.Header.Get("Openai-Beta") != "x=1" || strings.Contains(last.Host, r.url[7:]) {
			t.Errorf("%s: %v", what, last.Header)
		}
		if value := last.Header.Get(c.key); strings.TrimPrefix(value, "Bearer ") != providerKey || strings.Contains(fmt.Sprint(last.Header), "of-the-caller") {
			t.Errorf("%s: %v", what, last.Header)
		}
		for name, want := range map[string]string{"Set-Cookie": "", "X-Shroud-Inspection": "", "Openai-Processing-Ms": "5"} {
			if got.header.Get(name) != want {
				t.Errorf("%s: %s is %q", what, name, got.header.Get(name))
			}
		}
	}
	// A packed one is unpacked, and is the same.
	got := r.send("POST", chat, packed(odd), r.usual("Content-Encoding", "gzip"))
	if last := r.stub.Last(); got.status != 200 || string(last.Body) != odd || last.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d: %q", got.status, last.Body)
	}
}

// Answers come back as the provider wrote them.
func TestShroudPassesAnswersOn(t *testing.T) {
	r := shroud(t)
	for d, path := range map[llmstub.Dialect]string{
		llmstub.Chat: chat, llmstub.Completions: "/v1/completions", llmstub.Responses: "/v1/responses", llmstub.Messages: "/v1/messages",
		llmstub.Gemini: "/v1beta/models/m:streamGenerateContent?alt=sse", llmstub.Cohere: "/v2/chat", llmstub.Mistral: chat,
	} {
		h := r.usual("X-Shroud-Provider", "")
		switch d {
		case llmstub.Chat, llmstub.Completions:
			h.Set("X-Shroud-Provider", "openai")
		case llmstub.Mistral:
			h.Set("X-Shroud-Provider", "mistral")
		case llmstub.Responses, llmstub.Messages, llmstub.Gemini, llmstub.Cohere:
		}
		for what, odd := range map[string]func(*llmstub.Reply){
			"plain": func(*llmstub.Reply) {},
			"CR":    func(r *llmstub.Reply) { r.EOL, r.Chunk = "\r", 1 },
			"CRLF":  func(r *llmstub.Reply) { r.EOL, r.Comments, r.Chunk = "\r\n", true, 7 },
			"tight": func(r *llmstub.Reply) {
				r.Tight, r.BOM, r.Fields, r.Style = true, true, true, llmstub.Style{Lines: true, Spaced: true}
			},
			"no end":   func(r *llmstub.Reply) { r.NoEnd = true },
			"gzip":     func(r *llmstub.Reply) { r.Gzip = true },
			"thinking": func(r *llmstub.Reply) { r.Choices[0][0].Signature = "c2ln" },
		} {
			text := "Grüße aus 東京 🦀"
			reply := llmstub.Says(llmstub.Said(llmstub.Thinking, "Hm", "m."), llmstub.Said(llmstub.Text, "Grüße ", "aus 東京 ", "🦀"), llmstub.Called("weather", `{"city":`, `"Zürich"}`))
			reply.As = d
			odd(&reply)
			r.stub.Answer(reply)
			got := r.send("POST", path, `{"model":"m","stream":true,"input":"x"}`, h)
			heard, err := llmstub.HearStream(d, []byte(got.body))
			if got.status != 200 || got.err != nil || err != nil || !heard.Ended || heard.Failed != "" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/event-stream") {
				t.Fatalf("%s, %s: %d %v %v %v\n%s", d, what, got.status, got.header, err, got.err, got.body)
			}
			found := false
			for _, said := range heard.Texts {
				found = found || said == text
			}
			if !found {
				t.Errorf("%s, %s: %v", d, what, heard.Texts)
			}
			got = r.send("POST", strings.Replace(path, "streamG", "g", 1), `{"model":"m","input":"x"}`, h)
			if want := llmstub.Whole(d, &reply); got.status != 200 || got.body != string(want) {
				t.Errorf("%s, %s: %d %s\nnot %s", d, what, got.status, got.body, want)
			}
		}
	}
}

// A provider's refusal is the caller's, but for the key.
func TestShroudRelaysRefusals(t *testing.T) {
	r := shroud(t)
	for _, status := range []int{400, 401, 404, 429, 500, 503, 529} {
		for d, path := range map[llmstub.Dialect]string{llmstub.Chat: chat, llmstub.Messages: "/v1/messages", llmstub.Gemini: "/v1beta/models/m:generateContent", llmstub.Cohere: "/v2/chat"} {
			h := r.usual("X-Shroud-Provider", "")
			if d == llmstub.Chat {
				h = r.usual()
			}
			for _, stream := range []string{"true", "false"} {
				r.stub.Answer(llmstub.Reply{
					Fail:   &llmstub.Failure{Status: status, Kind: "some_error", Message: "Incorrect API key provided: {key}. Go to it."},
					Header: http.Header{"Retry-After": {"7"}, "X-Key": {providerKey}, "Www-Authenticate": {"Bearer error=" + providerKey}},
				})
				got := r.send("POST", path, `{"model":"m","stream":`+stream+`}`, h)
				if got.status != status || !strings.Contains(got.body, "Incorrect API key provided: ") || got.header.Get("Retry-After") != "7" {
					t.Errorf("%s, %d: %d %v %s", d, status, got.status, got.header, got.body)
				}
				if all := fmt.Sprint(got.header, got.body); strings.Contains(all, "sk-provider") {
					t.Errorf("%s, %d: the key is in %s", d, status, all)
				}
			}
		}
	}
	for what, key := range map[string]string{`JSON`: `{"error":"key sk-provider\/77+\u0026\u003ckey\u003e"}`, `URL`: `key=sk-provider%2F77%2B%26%3Ckey%3E`, "HTML": "<p>sk-provider/77+&amp;&lt;key&gt;</p>"} {
		r.stub.Answer(llmstub.Reply{Raw: &llmstub.Raw{Status: 401, Body: []byte(key)}})
		if got := r.send("POST", chat, hello, r.usual()); got.status != 401 || strings.Contains(got.body, "sk-provider") {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
}

// What a provider sends that is no answer is no answer here either.
func TestShroudKeepsBackWhatIsNoAnswer(t *testing.T) {
	r := shroud(t)
	json, sse := http.Header{"Content-Type": {"application/json"}}, http.Header{"Content-Type": {"text/event-stream"}}
	for what, raw := range map[string]*llmstub.Raw{
		"HTML":          {Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<p>secret page</p>")},
		"broken JSON":   {Status: 200, Header: json, Body: []byte(`{"choices":[{"message":{"content":"secret page"`)},
		"an array":      {Status: 200, Header: json, Body: []byte(`["secret page"]`)},
		"no UTF-8":      {Status: 200, Header: json, Body: []byte("{\"a\":\"secret page \xff\"}")},
		"a key twice":   {Status: 200, Header: json, Body: []byte(`{"a":"secret page","a":1}`)},
		"brotli":        {Status: 200, Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"br"}}, Body: []byte(`{"a":"secret page"}`)},
		"no gzip":       {Status: 200, Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, Body: []byte(`{"a":"secret page"}`)},
		"elsewhere":     {Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/" + providerKey}}, Body: []byte("secret page")},
		"elsewhere 307": {Status: 307, Header: http.Header{"Location": {r.stub.URL}}, Body: []byte("secret page")},
	} {
		r.stub.Answer(llmstub.Reply{Raw: raw})
		n := len(r.stub.Requests())
		got := r.send("POST", chat, hello, r.usual())
		r.refused(what, 502, got)
		if all := fmt.Sprint(got.header, got.body); strings.Contains(all, "secret page") || strings.Contains(all, "elsewhere.example") || len(r.stub.Requests()) != n+1 {
			t.Errorf("%s: %s", what, all)
		}
	}
	for what, body := range map[string]string{
		"no JSON": "data: secret page\n\n", "no event": "secret page", "an error page": "<html>secret page</html>\n\n", "a key twice": "data: {\"a\":\"secret page\",\"a\":1}\n\n",
	} {
		r.stub.Answer(llmstub.Reply{Raw: &llmstub.Raw{Status: 200, Header: sse, Body: []byte(body)}})
		got := r.send("POST", chat, strings.Replace(hello, "{", `{"stream":true,`, 1), r.usual())
		heard, err := llmstub.HearStream(llmstub.Chat, []byte(got.body))
		if got.status != 200 || err != nil || heard.Failed == "" || strings.Contains(got.body, "data: secret page") || strings.Contains(got.body, `"secret page"`) {
			t.Errorf("%s: %d %v %s", what, got.status, err, got.body)
		}
	}
}

// A stream that breaks off says so, in its dialect.
func TestShroudTellsOfBrokenStreams(t *testing.T) {
	r := shroud(t)
	for d, path := range map[llmstub.Dialect]string{
		llmstub.Chat: chat, llmstub.Responses: "/v1/responses", llmstub.Messages: "/v1/messages", llmstub.Gemini: "/v1beta/models/m:streamGenerateContent?alt=sse", llmstub.Cohere: "/v2/chat",
	} {
		h := r.usual("X-Shroud-Provider", "")
		if d == llmstub.Chat {
			h = r.usual()
		}
		for what, odd := range map[string]func(*llmstub.Reply){
			"cut":        func(r *llmstub.Reply) { r.Cut = 300 },
			"cut, gzip":  func(r *llmstub.Reply) { r.Cut, r.Gzip = 120, true },
			"left":       func(r *llmstub.Reply) { r.Leave = 2 },
			"left, gzip": func(r *llmstub.Reply) { r.Leave, r.Gzip = 2, true },
		} {
			reply := llmstub.Says(llmstub.Said(llmstub.Text, "begun ", "and ", "not ", "ended"))
			odd(&reply)
			r.stub.Answer(reply)
			got := r.send("POST", path, `{"model":"m","stream":true,"input":"x"}`, h)
			heard, err := llmstub.HearStream(d, []byte(got.body))
			if got.status != 200 || got.err != nil || err != nil || !strings.Contains(heard.Failed, "broke off") {
				t.Errorf("%s, %s: %d %v %v %+v\n%s", d, what, got.status, err, got.err, heard, got.body)
			}
		}
	}
	reply := llmstub.Says(llmstub.Said(llmstub.Text, "begun"))
	reply.Cut = 50
	r.stub.Answer(reply)
	r.refused("an answer that is cut", 502, r.send("POST", chat, hello, r.usual()))
}

// Who hangs up is not answered any more, and the provider is told.
func TestShroudHangsUpWithItsCaller(t *testing.T) {
	r := shroud(t)
	for _, at := range []int{0, 2} {
		ctx, hangUp := context.WithCancel(t.Context())
		reply := llmstub.Says(llmstub.Said(llmstub.Text, "one ", "two ", "three"))
		reply.Before = func(gone context.Context, i int) {
			if i == at {
				hangUp()
				<-gone.Done()
			}
		}
		r.stub.Answer(reply)
		req, err := http.NewRequestWithContext(ctx, "POST", r.url+chat, strings.NewReader(strings.Replace(hello, "{", `{"stream":true,`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = r.usual()
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		<-r.stub.Last().Gone()
	}
}

// A model may think for longer than the server's other answers may take.
func TestShroudWaitsForModelsThatThink(t *testing.T) {
	const limit = 300 * time.Millisecond
	r := shroud(t, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = limit, limit, limit })
	for _, stream := range []string{"true", "false"} {
		reply := llmstub.Says(llmstub.Said(llmstub.Text, "thought ", "through"))
		reply.Before = func(ctx context.Context, i int) {
			if i > 2 {
				return
			}
			select { // a provider that takes its time
			case <-time.After(2 * limit):
			case <-ctx.Done():
			}
		}
		r.stub.Answer(reply)
		got := r.send("POST", chat, `{"model":"m","stream":`+stream+`}`, r.usual())
		if got.status != 200 || got.err != nil || !strings.Contains(got.body, "through") || strings.Contains(got.body, "shroud_error") {
			t.Errorf("stream %s: %d %v %s", stream, got.status, got.err, got.body)
		}
	}
}

// A client that asks whether to go on is told so, or refused before it sends its body.
func TestShroudExpects(t *testing.T) {
	r := shroud(t)
	ask := func(key string, length int) string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Shroud-Agent-Key: %s\r\nX-Shroud-Provider: openai\r\nX-Shroud-Api-Key: k\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", chat, key, length)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, len("HTTP/1.1 100"))
		if _, err := io.ReadFull(conn, first); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(first), "100") {
			return string(first)
		}
		if _, err := io.WriteString(conn, hello); err != nil {
			t.Fatal(err)
		}
		rest := make([]byte, len(" Continue\r\n\r\nHTTP/1.1 200"))
		if _, err := io.ReadFull(conn, rest); err != nil {
			t.Fatal(err)
		}
		return string(first) + string(rest)
	}
	if got := ask(r.key, len(hello)); got != "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200" {
		t.Errorf("%q", got)
	}
	if last := r.stub.Last(); string(last.Body) != hello || last.Header.Get("Expect") != "" {
		t.Errorf("%v", last)
	}
	if got := ask("ocv_wrong", len(hello)); got != "HTTP/1.1 401" {
		t.Errorf("%q", got)
	}
	if got := ask(r.key, 6<<20); got != "HTTP/1.1 413" {
		t.Errorf("%q", got)
	}
}

// What ends an agent's right ends its calls.
func TestShroudStopsAgents(t *testing.T) {
	r := shroud(t)
	call := func(credential string) int {
		return r.send("POST", chat, hello, r.usual("X-Shroud-Agent-Key", credential)).status
	}
	token := r.rest("POST", "/v1/auth/agent-token", "", `{"api_key":"`+r.key+`"}`)["access_token"].(string)
	if call(r.key) != 200 || call(token) != 200 {
		t.Fatal("it may not call")
	}
	if status, body := r.mcpRig.send(r.a.api, "DELETE", "/v1/auth/token", token, ""); status > 299 {
		t.Fatal(status, body)
	}
	if got := call(token); got != 401 {
		t.Errorf("with a revoked token: %d", got)
	}
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"is_active":false}`)
	if got := call(r.key); got != 401 {
		t.Errorf("deactivated: %d", got)
	}
	id, key := r.mcpRig.agent("another")
	r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_enabled":true}`)
	if got := call(key); got != 200 {
		t.Errorf("another agent: %d", got)
	}
	n := len(r.stub.Requests())
	r.rest("POST", "/v1/org/freeze", r.owner, `{"reason":"a test"}`)
	if got := call(key); got < 400 || got > 499 {
		t.Errorf("frozen: %d", got)
	}
	if len(r.stub.Requests()) != n {
		t.Error("a frozen agent's call went on")
	}
}

// A provider's key from a vault is used on the agent's own rights.
func TestShroudTakesKeysFromVaults(t *testing.T) {
	r := shroud(t)
	put := func(vault, path, value string) {
		r.rest("PUT", "/v1/vaults/"+vault+"/secrets/"+path, r.owner, `{"type":"api_key","value":"`+value+`"}`)
	}
	put(r.vault, "providers/openai/api-key", "sk-from-the-path")
	put(r.vault, "mine/other", "sk-from-the-name")
	others := r.newVault("others")
	put(others, "providers/openai/api-key", "sk-of-others")
	put(others, "providers/mistral/api-key", "sk-of-others")
	for ref, want := range map[string]string{"": "sk-from-the-path", "vault://" + r.vault + "/mine/other": "sk-from-the-name", "sk-literal": "sk-literal"} {
		if got := r.send("POST", chat, hello, r.usual("X-Shroud-Api-Key", ref)); got.status != 200 || r.stub.Last().Key() != want {
			t.Errorf("%q: %d %s, %q", ref, got.status, got.body, r.stub.Last().Key())
		}
	}
	r.refused("a vault of others", 401, r.send("POST", chat, hello, r.usual("X-Shroud-Api-Key", "vault://"+others+"/providers/openai/api-key")))
	r.refused("a path of others", 401, r.send("POST", chat, hello, r.usual("X-Shroud-Api-Key", "", "X-Shroud-Provider", "mistral")))
	// Whoever may not read the value may still use it.
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"reveal":"never"}`)
	if got := r.send("POST", chat, hello, r.usual("X-Shroud-Api-Key", "")); got.status != 200 || r.stub.Last().Key() != "sk-from-the-path" {
		t.Errorf("%d %s", got.status, got.body)
	}
	r.stub.Answer(llmstub.Reply{Fail: &llmstub.Failure{Status: 401, Kind: "e", Message: "wrong: {key}"}})
	got := r.send("POST", chat, hello, r.usual("X-Shroud-Api-Key", ""))
	_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?limit=100", r.owner, "")
	if strings.Contains(got.body+fmt.Sprint(got.header)+events, "sk-from") || got.status != 401 {
		t.Errorf("%d %s %s", got.status, got.body, events)
	}
}

func TestShroudsOwnRoutes(t *testing.T) {
	r := shroud(t)
	for _, path := range []string{"/healthz", "/health/live", "/health/ready"} {
		if got := r.send("GET", path, "", http.Header{}); got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	r.refused("/v1/health", 401, r.send("GET", "/v1/health", "", http.Header{}))
	if got := r.send("GET", "/v1/health", "", r.usual()); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	r.refused("/v1/models", 401, r.send("GET", "/v1/models", "", http.Header{}))
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":{"allowed_models":["gpt-5","gpt-4"],"denied_models":["gpt-4"]}}`)
	if got := r.send("GET", "/v1/models", "", r.usual()); got.status != 200 || !strings.Contains(got.body, `"id":"gpt-5"`) || strings.Contains(got.body, "gpt-4") {
		t.Errorf("%d %s", got.status, got.body)
	}
	at := "/v1/agents/" + r.agent + "/transactions"
	for what, h := range map[string]http.Header{
		"id:key": r.usual("X-Shroud-Agent-Key", r.agent+":"+r.key), "key": r.usual(), "Bearer": r.usual("X-Shroud-Agent-Key", "", "Authorization", "Bearer "+r.key),
		"the key first": r.usual("Authorization", "Bearer sk-of-a-provider"), "Bearer id:key": r.usual("X-Shroud-Agent-Key", "", "Authorization", "Bearer "+r.agent+":"+r.key),
	} {
		if got := r.send("GET", at, "", h); got.status != 200 {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	if got := r.send("POST", at, `{"to":"0x00000000000000000000000000000000000000aa","value":"1","chain":"base"}`, r.twice("Idempotency-Key", "a")); got.status != 400 {
		t.Errorf("two keys of a request: %d %s", got.status, got.body)
	}
	if got := r.send("GET", at, "", http.Header{}); got.status != 401 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := r.send("GET", at, "", r.usual("X-Shroud-Agent-Key", "00000000-0000-4000-8000-000000000001:"+r.key)); got.status != 401 {
		t.Errorf("another agent's id: %d %s", got.status, got.body)
	}
	if got := r.send("GET", "/v1/vaults", "", r.usual()); got.status != 404 {
		t.Errorf("%d %s", got.status, got.body)
	}
	// A WebSocket is refused with the one status after which clients speak HTTP at once.
	got := r.send("GET", "/v1/responses", "", r.usual("Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
	if r.refused("a WebSocket", 426, got); got.header.Get("Upgrade") == "" {
		t.Error(got.header)
	}
}

// Each call is one event, which names the provider and the model.
func TestShroudRecordsCalls(t *testing.T) {
	r := shroud(t)
	before := len(r.about(r.agent))
	for _, h := range []http.Header{r.usual(), r.usual("X-Shroud-Api-Key", ""), r.usual("X-Shroud-Provider", "nobody")} {
		r.send("POST", chat, strings.Replace(hello, "Hello", "my words", 1), h)
	}
	r.send("POST", chat, `{"model":"`+strings.Repeat("words of mine ", 20)+`"}`, r.usual())
	if got := len(r.about(r.agent)) - before; got != 4 {
		t.Errorf("%d events: %v", got, r.about(r.agent))
	}
	_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?limit=100", r.owner, "")
	if strings.Contains(events, "my words") || strings.Contains(events, "words of mine") || strings.Contains(events, "sk-provider") || !strings.Contains(events, "gpt-5") {
		t.Error(events)
	}
}
