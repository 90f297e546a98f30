package translate

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// ask is a request for a chat completion.
type ask struct {
	model    string
	stream   bool
	usage    bool
	messages []message
	tools    []tool
	choice   string // auto, none, required, or named
	named    string // the tool that has to be called
	serial   bool   // one tool at a time
	limit    int64  // of tokens; 0: not said
	stop     []string
	effort   string
	choices  int64
	json     bool            // the answer has to be JSON
	schema   json.RawMessage // of that shape
	plain    map[string]doc.Node
}

type tool struct {
	name, description string
	schema            json.RawMessage // nil: none
	strict            bool
	cache             json.RawMessage
}

// reader reads a request for a provider. The first thing that can't be said counts.
type reader struct {
	to  string
	err error
}

func (r *reader) refuse(place, why string) {
	if r.err == nil {
		r.err = &Error{place, why}
	}
}

func (r *reader) lacks(place string) { r.refuse(place, r.to+noCounterpart) }

func said(n doc.Node) bool { return n.There() && !n.Is('n') }

// spelled are names of OpenAI's that may stand in an error. Any other is a caller's.
var spelled = words(`messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens
	metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort response_format
	safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity
	web_search_options name content refusal tool_calls tool_call_id role type text image_url input_audio file file_id file_data filename url
	detail function custom description parameters strict json_schema schema allowed_tools mode thinking cache_control extra_body top_k
	arguments id include_obfuscation`)

// hints change nothing of what a model is told or may say.
var hints = words(`metadata prompt_cache_key prompt_cache_retention prompt_cache_options top_logprobs`)

func words(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// only refuses what an object has beside the names.
func (r *reader) only(place string, n doc.Node, names ...string) {
	if !n.Is('{') {
		r.refuse(place, wrongShape)
		return
	}
	r.fields(place, n, func(c doc.Node) bool { return slices.Contains(names, c.Name()) })
}

// fields refuses what take does not take.
func (r *reader) fields(place string, n doc.Node, take func(doc.Node) bool) {
	i := 0
	for c := range n.Children() {
		i++
		switch {
		case !said(c) || take(c):
		case spelled[c.Name()]:
			r.lacks(under(place, c.Name()))
		default:
			r.lacks(under(place, "field "+strconv.Itoa(i)))
		}
	}
}

func under(place, name string) string {
	if place == "" {
		return name
	}
	return place + "." + name
}

func at(place string, i int) string { return place + "[" + strconv.Itoa(i) + "]" }

// read reads a request.
func (r *reader) read(root doc.Node) *ask {
	a := &ask{choices: 1, plain: map[string]doc.Node{}}
	if !root.Is('{') {
		r.refuse("body", wrongShape)
		return a
	}
	take := map[string]func(doc.Node){
		"model":                 func(n doc.Node) { a.model = r.model(n) },
		"messages":              func(n doc.Node) { r.messages(a, n) },
		"stream":                func(n doc.Node) { a.stream = n.True() },
		"stream_options":        func(n doc.Node) { a.usage = n.Get("include_usage").True() },
		"tools":                 func(n doc.Node) { r.tools(a, n) },
		"tool_choice":           func(n doc.Node) { r.choice(a, n) },
		"parallel_tool_calls":   func(n doc.Node) { a.serial = n.Is('f') },
		"max_tokens":            func(n doc.Node) { a.atMost(r.count("max_tokens", n)) },
		"max_completion_tokens": func(n doc.Node) { a.atMost(r.count("max_completion_tokens", n)) },
		"n":                     func(n doc.Node) { a.choices = r.count("n", n) },
		"stop":                  func(n doc.Node) { a.stop = r.stops(n) },
		"response_format":       func(n doc.Node) { r.format(a, n) },
		"reasoning_effort":      func(n doc.Node) { a.effort = n.Text() },
		"store":                 r.neutral("store", `false`),
		"logprobs":              r.neutral("logprobs", `false`),
		"logit_bias":            r.neutral("logit_bias", `{}`),
		"modalities":            r.neutral("modalities", `["text"]`),
		"service_tier":          r.neutral("service_tier", `"auto"`, `"default"`),
		"verbosity":             r.neutral("verbosity", `"medium"`),
	}
	own := anthropicTakes
	if r.to == Google {
		own = googleTakes
	}
	r.fields("", root, func(n doc.Node) bool {
		switch name := n.Name(); {
		case take[name] != nil:
			take[name](n)
		case own[name]:
			a.plain[name] = n
		default:
			return hints[name]
		}
		return true
	})
	if a.model == "" {
		r.refuse("model", "the request names none")
	}
	if len(a.messages) == 0 {
		r.refuse("messages", "there are none")
	}
	return a
}

// neutral takes a field with a value that asks for nothing.
func (r *reader) neutral(name string, values ...string) func(doc.Node) {
	return func(n doc.Node) {
		raw := strings.Join(strings.Fields(string(n.Raw())), "")
		for _, v := range values {
			if raw == v {
				return
			}
		}
		r.lacks(name)
	}
}

// Model is a model's name as the provider gets it: without the provider that routers'
// clients write before it. Rules on models ask for this name.
func Model(name string) string {
	for _, before := range [...]string{"anthropic/", "google/", "gemini/", "models/"} {
		name = strings.TrimPrefix(name, before)
	}
	return name
}

// model is a model's name as it may stand in a path.
func (r *reader) model(n doc.Node) string {
	name := Model(n.Text())
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._@") != "" || strings.Contains(name, "..") {
		r.refuse("model", "no model of "+r.to+" is called so")
	}
	return name
}

// atMost bounds the answer: the lower of two bounds counts.
func (a *ask) atMost(n int64) {
	if a.limit == 0 || n < a.limit {
		a.limit = n
	}
}

// count is a whole number that is not 0.
func (r *reader) count(place string, n doc.Node) int64 {
	v, ok := n.Int()
	if !ok || v == 0 {
		r.refuse(place, wrongShape)
	}
	return v
}

func (r *reader) stops(n doc.Node) (out []string) {
	if n.Is('"') {
		return []string{n.Text()}
	}
	i := 0
	for c := range n.Children() {
		if !c.Is('"') {
			r.refuse(at("stop", i), wrongShape)
		}
		out = append(out, c.Text())
		i++
	}
	return out
}

func (r *reader) format(a *ask, n doc.Node) {
	const place = "response_format"
	switch n.Get("type").Text() {
	case "text":
		r.only(place, n, "type")
	case "json_object":
		r.only(place, n, "type")
		a.json = true
	case "json_schema":
		r.only(place, n, "type", "json_schema")
		s := n.Get("json_schema")
		r.only(place+".json_schema", s, "name", "schema", "strict")
		if !s.Get("schema").Is('{') {
			r.refuse(place+".json_schema.schema", wrongShape)
			return
		}
		a.json, a.schema = true, s.Get("schema").Raw()
	default:
		r.lacks(place + ".type")
	}
}

func (r *reader) tools(a *ask, n doc.Node) {
	i := -1
	for c := range n.Children() {
		i++
		place := at("tools", i)
		if c.Get("type").Text() != "function" {
			r.lacks(place + ".type")
			continue
		}
		r.only(place, c, "type", "function", "cache_control")
		f := c.Get("function")
		r.only(place+".function", f, "name", "description", "parameters", "strict")
		t := tool{name: f.Get("name").Text(), description: f.Get("description").Text(), strict: f.Get("strict").True(), cache: c.Get("cache_control").Raw()}
		if p := f.Get("parameters"); p.Is('{') {
			t.schema = p.Raw()
		} else if said(p) {
			r.refuse(place+".function.parameters", wrongShape)
		}
		if t.name == "" {
			r.refuse(place+".function.name", wrongShape)
		}
		a.tools = append(a.tools, t)
	}
}

func (r *reader) choice(a *ask, n doc.Node) {
	const place = "tool_choice"
	if !n.Is('"') {
		if n.Get("type").Text() != "function" {
			r.lacks(place + ".type")
			return
		}
		r.only(place, n, "type", "function")
		a.choice, a.named = "named", n.Get("function", "name").Text()
		return
	}
	switch a.choice = n.Text(); a.choice {
	case "auto", "none", "required":
	default:
		r.refuse(place, wrongShape)
	}
}
