package convo_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

func find(t *testing.T, v *convo.View, text string) convo.Part {
	t.Helper()
	for _, p := range v.Parts {
		if strings.Contains(p.Text, text) {
			return p
		}
	}
	t.Errorf("%q is no part", text)
	return convo.Part{}
}

// Who says what decides over how far it is trusted.
func TestWhoSaysWhat(t *testing.T) {
	type said struct {
		role convo.Role
		kind convo.Kind
	}
	sys, user, model, tool := said{convo.System, convo.Text}, said{convo.User, convo.Text}, said{convo.Assistant, convo.Text}, said{convo.Tool, convo.Text}
	runs, schema, called := said{convo.Assistant, convo.Arguments}, said{convo.System, convo.Schema}, said{convo.Assistant, convo.ToolName}
	want := map[string]map[string]said{
		"chat": {
			"You book": sys, "Be brief": sys, "My card": user, "Book one": user, "I should look": model, "trains to Bern": runs, "ls -l": runs,
			"3 trains": tool, "total 0": tool, "Finds trains": schema, "Where to": schema, "done": tool, "https://pictures": user,
			"What is this?": {convo.User, convo.Other},
		},
		"codex": {
			"coding agent": sys, "read only": sys, "cwd is": user, "Fix the test": user, "Looking around": model, "signed thought": model,
			"cat go.mod": runs, "module x": tool, "what the view says": tool, "Begin Patch": runs, "Done.": tool, "how to fix": runs,
			"what the file says": tool, "print(1)": runs, "it printed": tool, "what the server says": tool, "typed text": runs, "uname": runs,
			"Linux here": tool, "+b\n*** End": runs, "it did not apply": tool, "Runs a command": schema, "shell": called,
		},
		"claude-code": {
			"interactive tool": sys, "Fix the test": user, "what the document says": tool, "a chunk of it": tool, "A plan": tool, "It is old": tool,
			"what was found": tool, "I look": model, "go test ./...": runs, "more of it": runs, "go test fails": runs, "Why it fails": tool,
			"what the server says": tool, "it printed": tool, "what the tool says": tool, "more of what it says": tool, "found in the tool": tool,
			"A plain text": model, "Go on": user, "Runs a command": schema, "Bash": schema,
		},
		"gemini": {
			"You are brief": sys, "What is in this": user, "aGVsbG8": tool, "A cat": model, "a cat": runs, "with milk": runs, "print(2)": runs,
			"it printed 2": tool, "it ate": tool, "not one of theirs": tool, "Feeds an animal": schema, "What to say": schema,
		},
		"cohere": {
			"You answer": sys, "Who wrote": user, "look it up": model, "the book": runs, "Ann wrote": tool, "as a text": tool, "the thought": model,
			"a document that": tool, "by Ann": tool, "Looks it up": schema,
		},
		"mistral": {"how to think": sys, "Read this": user, "I read it": model, "as an object": runs, "noted": tool, "Notes.": schema},
	}
	for _, b := range bodies() {
		if want[b.name] == nil {
			continue
		}
		v, err := b.read(b.src)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range want[b.name] {
			if p := find(t, v, text); (said{p.Role, p.Kind}) != want {
				t.Errorf("%s: %q is %d %d, not %d %d", b.name, text, p.Role, p.Kind, want.role, want.kind)
			}
		}
	}
}

// What a request asks for, which limits and prices are counted by.
func TestWhatARequestAsksFor(t *testing.T) {
	all := llmstub.Bodies()
	for _, c := range []struct {
		d      convo.Dialect
		body   string
		path   string
		model  string
		stream bool
		max    int64
		tools  string
	}{
		{convo.Chat{}, string(all["chat"]), "", "gpt-5.1", true, 4096, "search shell old web_search"},
		{convo.Chat{}, string(all["mistral"]), "", "magistral-1", true, 99, "note"},
		{convo.Chat{}, string(all["embeddings"]), "", "embed-1", false, 0, ""},
		{convo.Responses{}, string(all["codex"]), "", "gpt-5.1-codex", true, 0, "shell apply_patch web_search mcp"},
		{convo.Messages{}, string(all["claude-code"]), "", "claude-sonnet-4-5", true, 32000, "Bash web_search_20250305 bash_20250124 mcp_toolset mcp"},
		{convo.Gemini{}, string(all["gemini"]), "/v1beta/models/gemini-3-pro:streamGenerateContent", "gemini-3-pro", true, 1000, "feed pet googleSearch codeExecution urlContext"},
		{convo.Gemini{}, string(all["gemini"]), "/v1beta/models/gemini-3-pro:generateContent", "gemini-3-pro", false, 1000, "feed pet googleSearch codeExecution urlContext"},
		{convo.Cohere{}, string(all["cohere"]), "", "command-a", true, 500, "look"},
		{convo.Chat{}, `{"model":"m","n":3,"max_tokens":10}`, "", "m", false, 30, ""},
		{convo.Chat{}, `{"model":"m","max_tokens":10,"max_completion_tokens":20}`, "", "m", false, 20, ""},
		{convo.Chat{}, `{"model":"m","max_completion_tokens":20,"max_tokens":10}`, "", "m", false, 20, ""},
		{convo.Gemini{}, `{"generationConfig":{"maxOutputTokens":5,"candidateCount":4}}`, "/v1beta/models/m:generateContent", "m", false, 20, ""},
		{convo.Gemini{}, `{"generation_config":{"max_output_tokens":5}}`, "/v1beta/models/m:generateContent", "m", false, 5, ""},
		{convo.Responses{}, `{"model":"m","max_output_tokens":5,"stream":false}`, "", "m", false, 5, ""},
	} {
		r, err := c.d.Request([]byte(c.body), c.path)
		if err != nil {
			t.Errorf("%.60s: %v", c.body, err)
			continue
		}
		if r.Model != c.model || r.Stream != c.stream || r.MaxTokens != c.max || firsts(r.Tools) != c.tools {
			t.Errorf("%.60s: %q %v %d %q", c.body, r.Model, r.Stream, r.MaxTokens, r.Tools)
		}
	}
}

// firsts are the first names of tools.
func firsts(tools []convo.Names) string {
	var out []string
	for _, t := range tools {
		out = append(out, t[0])
	}
	return strings.Join(out, " ")
}

func TestTokensInThePlaceOfText(t *testing.T) {
	for body, want := range map[string]bool{
		`{"prompt":[1,2,3]}`: true, `{"prompt":[[1,2],[3]]}`: true, `{"prompt":["a"]}`: false, `{"prompt":"a"}`: false, `{"prompt":["a",1]}`: true,
		`{"input":[1,2,3]}`: true, `{"input":[[1,2,3]]}`: true, `{"input":["a","b"]}`: false, `{"input":"a"}`: false, `{"input":["a",[7]]}`: true,
		`{"prompt":[]}`: false, `{"input":[{"type":"text","text":"a"}]}`: false,
	} {
		r, err := convo.Chat{}.Request([]byte(body), "")
		if err != nil || r.Tokens != want {
			t.Errorf("%s: %v, %v", body, r, err)
		}
	}
}

// Some servers take a key in another case for the known one, which hides what it holds
// from whoever does not.
func TestOtherSpellingsOfKeysAreRefused(t *testing.T) {
	for _, b := range bodies() {
		if strings.Contains(b.name, "event") || strings.Contains(b.name, "answer") {
			continue
		}
		for _, name := range []string{"messages", "input", "contents", "content", "role", "tools", "parts", "text", "arguments", "prompt", "system", "systemInstruction"} {
			for _, other := range []string{strings.ToUpper(name[:1]) + name[1:], strings.ToUpper(name), strings.Replace(name, "s", "ſ", 1)} {
				src := strings.Replace(string(b.src), `"`+name+`":`, `"`+other+`":`, 1)
				if src == string(b.src) {
					continue
				}
				v, err := b.read([]byte(src))
				if errors.Is(err, convo.ErrSpelling) {
					continue
				}
				// Where nobody knows the key it is swept with what it holds.
				if err != nil || v == nil || !has(v, other) && len(other) >= 6 {
					t.Errorf("%s: %s: %v", b.name, other, err)
				}
			}
		}
	}
}

func TestBodiesThatAreNone(t *testing.T) {
	for name, d := range dialects {
		for _, body := range []string{``, `[]`, `"a"`, `null`, `1`, `[{"messages":[]}]`, `{`, `{"a":1,"a":1}`} {
			if _, err := d.Request([]byte(body), "/v1beta/models/m:generateContent"); err == nil {
				t.Errorf("%s takes %q as a request", name, body)
			}
			if _, err := d.Answer([]byte(body)); err == nil {
				t.Errorf("%s takes %q as an answer", name, body)
			}
			if _, err := d.Event("", []byte(body)); err == nil {
				t.Errorf("%s takes %q as an event", name, body)
			}
		}
	}
}

// The usage is the same from a whole answer and from a stream, and each token is in one
// of its numbers.
func TestUsage(t *testing.T) {
	for of, d := range dialects {
		for _, at := range []llmstub.Place{llmstub.Asked, llmstub.Late, llmstub.Each} {
			reply := everything()
			reply.Usage, reply.UsageAt = llmstub.Usage{Input: 11, CacheRead: 5, CacheWrite: 3, Output: 9, Thought: 4}, at
			want := convo.Usage{Input: 11, CacheRead: 5, Output: 9}
			switch of {
			case llmstub.Messages:
				want.CacheWrite = 3
			case llmstub.Cohere:
				want.CacheRead = 0 // it bills them as others
			}
			a, err := d.Answer(llmstub.Whole(of, &reply))
			if err != nil || a.Usage != want || !a.Usage.Known() {
				t.Errorf("%s: %+v, %v", of, a, err)
			}
			var got convo.Usage
			bare := 0
			for _, e := range llmstub.Events(of, &reply, true) {
				if string(e.Data) == "[DONE]" {
					continue
				}
				ev, err := d.Event(e.Name, e.Data)
				if err != nil {
					t.Fatal(err)
				}
				if ev.Usage.Known() {
					got = ev.Usage
				}
				if ev.Bare {
					bare++
				}
			}
			if got != want {
				t.Errorf("%s, place %d: %+v", of, at, got)
			}
			if alone := (of == llmstub.Chat || of == llmstub.Completions) && at == llmstub.Asked; alone != (bare == 1) || bare > 1 {
				t.Errorf("%s, place %d: %d events hold the usage alone", of, at, bare)
			}
		}
	}
}

// What a provider bills beside the numbers that it gives by their usual names counts too.
func TestUsageThatIsNotInItsUsualPlace(t *testing.T) {
	for what, c := range map[string]struct {
		of   convo.Dialect
		in   string
		want convo.Usage
	}{
		"thoughts in the total alone": {convo.Chat{}, `{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":115}}`, convo.Usage{Input: 10, Output: 105}},
		"no thoughts":                 {convo.Chat{}, `{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`, convo.Usage{Input: 10, Output: 5}},
		"a smaller total":             {convo.Chat{}, `{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":5}}`, convo.Usage{Input: 10, Output: 5}},
		"an embedding":                {convo.Chat{}, `{"usage":{"prompt_tokens":10,"total_tokens":10}}`, convo.Usage{Input: 10}},
		"thoughts alone":              {convo.Chat{}, `{"usage":{"prompt_tokens":10,"completion_tokens":0,"total_tokens":60}}`, convo.Usage{Input: 10, Output: 50}},
		"the same of Responses":       {convo.Responses{}, `{"usage":{"input_tokens":10,"output_tokens":5,"total_tokens":115}}`, convo.Usage{Input: 10, Output: 105}},
		"a summary before the answer": {convo.Messages{}, `{"type":"message","usage":{"input_tokens":100,"output_tokens":7,"iterations":[` +
			`{"type":"compaction","input_tokens":9000,"cache_read_input_tokens":20,"cache_creation_input_tokens":30,"output_tokens":500},{"type":"message","input_tokens":100,"output_tokens":7}]}}`,
			convo.Usage{Input: 9100, CacheRead: 20, CacheWrite: 30, Output: 507}},
	} {
		a, err := c.of.Answer([]byte(c.in))
		if err != nil || a.Usage != c.want {
			t.Errorf("%s: %+v, %v, want %+v", what, a, err, c.want)
		}
	}
}

// The probabilities of tokens repeat the text, so they go with what is changed in it.
func TestProbabilitiesOfTokens(t *testing.T) {
	reply := llmstub.Says(llmstub.Said(llmstub.Text, "the secret"))
	reply.Logprobs = true
	body := llmstub.Whole(llmstub.Chat, &reply)
	a, err := convo.Chat{}.Answer(body)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Rewrite(nil)) != string(body) || !strings.Contains(string(body), `"token":"the secret"`) {
		t.Error("it is changed for no reason")
	}
	i := slices.IndexFunc(a.Parts, func(p convo.Part) bool { return p.Text == "the secret" })
	if got := string(a.Rewrite([]convo.Edit{{Part: i, Text: "it"}})); strings.Contains(got, "secret") || !strings.Contains(got, `"logprobs":null`) {
		t.Error(got)
	}
}

func TestCalled(t *testing.T) {
	for text, want := range map[string]string{
		`{"cmd":"rm \u002drf","n":1234567}`: "rm -rf 1234567", ` {"cmd":"a"}`: "a", "\n[\"a\",\"b\"]": "a b", `plain "text"`: `plain "text"`,
		`"a"`: `"a"`, `{"a":`: `{"a":`, `{"a":1,"a":"b"}`: `{"a":1,"a":"b"}`, ``: ``, `null`: `null`, `{"long_key":"v"}`: "long_key v",
		"\xff": "\ufffd",
	} {
		v := convo.Called(text)
		var got []string
		for _, p := range v.Parts {
			if p.Kind != convo.Arguments && p.Kind != convo.Other || p.Role != convo.Assistant {
				t.Errorf("%q: %+v", text, p)
			}
			got = append(got, p.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q", text, got)
		}
		if out := string(v.Rewrite(nil)); out != strings.ToValidUTF8(text, "\ufffd") {
			t.Errorf("%q became %q", text, out)
		}
		for i := range v.Parts {
			if out := v.Rewrite([]convo.Edit{{Part: i, Text: `"x"`}}); !strings.Contains(string(out), `x`) {
				t.Errorf("%q became %q", text, out)
			}
		}
	}
	// The same arguments in a whole answer have the same parts.
	for _, text := range []string{` {"cmd":"rm \u002drf"}`, "\t[1234567]", `{"a":1,"a":2}`, `"x"`} {
		body := fmt.Sprintf(`{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":%s}}]}}]}`, doc.Quote(nil, text))
		a, err := convo.Chat{}.Answer([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range convo.Called(text).Parts {
			if !slices.ContainsFunc(a.Parts, func(q convo.Part) bool { return q.Text == p.Text && q.Kind == p.Kind }) {
				t.Errorf("%q has no part %q: %+v", text, p.Text, a.Parts)
			}
		}
	}
}

// What each event of a dialect is worth, whoever reads it: an error ends the stream.
func TestBrokenIsAnErrorOfItsDialect(t *testing.T) {
	for of, d := range dialects {
		raw := d.Broken(`it "broke"`)
		e, err := d.Event(raw.Name, raw.Data)
		if err != nil || !e.Failed && of != llmstub.Cohere || !has(&e.View, `it "broke"`) {
			t.Errorf("%s: %s, %v", of, raw.Data, err)
		}
		h, err := llmstub.HearStream(of, slices.Concat(llmstub.Frames(of, []llmstub.Event{{Name: raw.Name, Data: raw.Data}}, llmstub.Framing{})...))
		if err != nil || h.Failed != `it "broke"` {
			t.Errorf("%s: %+v, %v", of, h, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range bodies() {
		f.Add(b.src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for name, d := range dialects {
			var views []*convo.View
			if r, err := d.Request(src, "/v1beta/models/m:generateContent"); err == nil {
				views = append(views, &r.View)
			}
			if a, err := d.Answer(src); err == nil {
				views = append(views, &a.View)
			}
			if e, err := d.Event("", src); err == nil {
				views = append(views, &e.View)
			}
			for _, v := range views {
				if string(v.Rewrite(nil)) != string(src) {
					t.Errorf("%s changes %q", name, src)
				}
				var all []convo.Edit
				for i := range v.Parts {
					all = append(all, convo.Edit{Part: i, Text: fmt.Sprint("part ", i)})
				}
				out := v.Rewrite(all)
				if _, err := doc.Parse(out); err != nil && !errors.Is(err, doc.ErrDuplicate) {
					t.Errorf("%s: %q became %q", name, src, out)
				}
			}
		}
	})
}
