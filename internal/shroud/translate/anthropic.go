package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// anthropicTakes are fields that Messages has itself, or that are its own.
var anthropicTakes = words(`temperature top_p top_k user safety_identifier thinking cache_control`)

// Anthropic demands a limit. The second leaves room for thoughts, which count too.
const (
	usualLimit    = 8192
	thinkingLimit = 32000
	leastBudget   = 1024 // of tokens for thoughts
)

var (
	// byBudget are models that think within a budget, and do not know adaptive thinking.
	byBudget = regexp.MustCompile(`^claude-(instant|\d|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|@.*|-latest)?$)`)
	// systemFirst are models that take the developer's words before the conversation alone.
	systemFirst = regexp.MustCompile(`^claude-(instant|\d|(opus|sonnet|haiku)-4(-[0-7])?(-\d{8}|@.*|-latest)?$|sonnet-5(-\d{8}|@.*)?$)`)
	validID     = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

var budgets = map[string]int64{"minimal": leastBudget, "low": leastBudget, "medium": 4096, "high": 16384, "xhigh": 24576, "max": 30000}

// anthropic writes a request for Messages.
func (r *reader) anthropic(a *ask) object {
	out := object{"model": a.model}
	if a.stream {
		out["stream"] = true
	}
	if a.choices != 1 {
		r.lacks("n")
	}
	for _, name := range [...]string{"temperature", "top_p", "top_k", "thinking", "cache_control"} {
		if n, ok := a.plain[name]; ok {
			out[name] = json.RawMessage(n.Raw())
		}
	}
	if n, ok := a.plain["temperature"]; ok {
		if v, err := strconv.ParseFloat(string(n.Raw()), 64); err != nil || v > 1 {
			r.refuse("temperature", "anthropic takes 0 to 1")
		}
	}
	for _, name := range [...]string{"user", "safety_identifier"} {
		if n, ok := a.plain[name]; ok {
			out["metadata"] = object{"user_id": n.Text()}
		}
	}
	if len(a.stop) > 0 {
		out["stop_sequences"] = a.stop
	}
	r.limits(a, out)
	r.anthropicTools(a, out)
	r.anthropicMessages(a, out)
	return out
}

// limits says how much the model may say and think, and of what shape the answer is.
func (r *reader) limits(a *ask, out object) {
	limit, config := a.limit, object{}
	if limit == 0 {
		limit = usualLimit
		if _, own := out["thinking"]; own || a.effort != "" && a.effort != "none" {
			limit = thinkingLimit
		}
	}
	out["max_tokens"] = limit
	budget, known := budgets[a.effort]
	switch _, own := out["thinking"]; {
	case a.effort == "":
	case own:
		r.refuse("reasoning_effort", "thinking says it already")
	case a.effort == "none" && byBudget.MatchString(a.model): // they don't think unless told to
	case a.effort == "none":
		out["thinking"] = object{"type": "disabled"}
	case !known:
		r.refuse("reasoning_effort", wrongShape)
	case !byBudget.MatchString(a.model):
		out["thinking"] = object{"type": "adaptive"}
		config["effort"] = strings.Replace(a.effort, "minimal", "low", 1)
	case limit <= leastBudget:
		r.refuse("reasoning_effort", "it needs a max_completion_tokens above "+strconv.Itoa(leastBudget))
	default:
		out["thinking"] = object{"type": "enabled", "budget_tokens": min(budget, limit-1)}
	}
	switch {
	case a.schema != nil:
		config["format"] = object{"type": "json_schema", "schema": a.schema}
	case a.json:
		r.refuse("response_format.type", "anthropic takes json_schema, and no JSON without a schema")
	}
	if len(config) > 0 {
		out["output_config"] = config
	}
}

func (r *reader) anthropicTools(a *ask, out object) {
	var tools []object
	for _, t := range a.tools {
		to := object{"name": t.name, "input_schema": t.schema}
		if t.schema == nil {
			to["input_schema"] = object{"type": "object", "properties": object{}}
		}
		if t.description != "" {
			to["description"] = t.description
		}
		if t.strict {
			to["strict"] = true
		}
		cached(to, t.cache)
		tools = append(tools, to)
	}
	if len(tools) == 0 {
		if a.choice == "required" || a.choice == "named" {
			r.refuse("tool_choice", "there are no tools")
		}
		return
	}
	out["tools"] = tools
	choice := object{"type": "auto"}
	switch a.choice {
	case "none":
		out["tool_choice"] = object{"type": "none"}
		return
	case "required":
		choice["type"] = "any"
	case "named":
		choice = object{"type": "tool", "name": a.named}
	}
	if a.serial {
		choice["disable_parallel_tool_use"] = true
	}
	if a.choice != "" || a.serial {
		out["tool_choice"] = choice
	}
}

// cached marks up to where the provider keeps a prompt.
func cached(to object, mark json.RawMessage) {
	if len(mark) > 0 && string(mark) != "null" {
		to["cache_control"] = mark
	}
}

// anthropicMessages writes the conversation. Messages of one side that follow each other
// are one turn, in which what tools answered comes first.
func (r *reader) anthropicMessages(a *ask, out object) {
	var first, later []object
	var turns []object
	laterAt, last := "", system
	add := func(side role, name string, blocks []object) {
		if len(blocks) == 0 {
			return
		}
		if last == side && len(turns) > 0 {
			turn := turns[len(turns)-1]
			if was, ok := turn["content"].([]object); ok {
				turn["content"] = append(was, blocks...)
			}
			return
		}
		turns, last = append(turns, object{"role": name, "content": blocks}), side
	}
	// flush says what a developer said within the user's turn after that turn: there alone
	// the provider takes it, and what came before it stays as the model saw it.
	flush := func() {
		if len(later) > 0 && (last != user || len(turns) == 0) {
			r.refuse(laterAt, "anthropic takes it before the conversation, or beside what the user says")
		}
		add(system, "system", later)
		later = nil
	}
	for _, m := range a.messages {
		switch m.role {
		case system:
			if len(turns) == 0 || systemFirst.MatchString(a.model) {
				first = append(first, r.blocks(m.parts)...)
				continue
			}
			later, laterAt = append(later, r.blocks(m.parts)...), m.place
		case user:
			add(user, "user", r.blocks(m.parts))
		case assistant:
			flush()
			add(assistant, "assistant", r.thought(&m))
		}
	}
	flush()
	if len(first) > 0 {
		out["system"] = first
	}
	if len(turns) == 0 {
		r.refuse("messages", "nobody says anything but the developer")
	}
	out["messages"] = turns
}

// blocks writes parts of a message.
func (r *reader) blocks(parts []part) (out []object) {
	for _, p := range parts {
		var b object
		switch {
		case p.result:
			b = object{"type": "tool_result", "tool_use_id": anthropicID(p.id)}
			if in := r.blocks(p.parts); len(in) > 0 {
				b["content"] = in
			}
		case p.url != "":
			b = object{"type": "image", "source": object{"type": "url", "url": p.url}}
		case p.data != "":
			b = object{"type": "image", "source": object{"type": "base64", "media_type": p.mime, "data": p.data}}
			switch {
			case strings.HasPrefix(p.mime, "image/"):
			case p.mime == "application/pdf":
				b["type"] = "document"
				if p.title != "" {
					b["title"] = p.title
				}
			default:
				r.lacks(p.place)
			}
		default:
			b = object{"type": "text", "text": p.text}
		}
		cached(b, p.cache)
		out = append(out, b)
	}
	return out
}

// anthropicID is an id as Anthropic takes it: other providers' may have other signs.
func anthropicID(id string) string {
	if validID.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "call_" + hex.EncodeToString(sum[:12])
}

// thought writes a message of the model's with its thoughts where they stood, which
// newer models check.
func (r *reader) thought(m *message) (out []object) {
	text := texts{parts: m.parts}
	claimed := 0
	every := append([]called(nil), m.calls...)
	every = append(every, called{kept: m.kept})
	for _, c := range every {
		for _, t := range c.kept.thoughts {
			claimed += t.Text
		}
	}
	whole := claimed == text.size() // else it was edited, and goes where text usually stands
	for _, c := range every {
		for _, t := range c.kept.thoughts {
			switch {
			case t.Type == "thinking":
				out = append(out, object{"type": t.Type, "thinking": *t.Thinking, "signature": t.Signature})
			case t.Type != "":
				out = append(out, object{"type": t.Type, "data": t.Data})
			case whole:
				out = append(out, r.blocks(text.take(t.Text))...)
			}
		}
		if !whole {
			out = append(out, r.blocks(text.parts)...)
			text.parts = nil
		}
		if c.name != "" {
			out = append(out, object{"type": "tool_use", "id": anthropicID(c.id), "name": c.name, "input": c.args})
		}
	}
	return append(out, r.blocks(text.parts)...)
}

// texts are those of a message, which are taken from the front.
type texts struct{ parts []part }

func (t *texts) size() (n int) {
	for _, p := range t.parts {
		n += len(p.text)
	}
	return n
}

func (t *texts) take(n int) []part {
	var b strings.Builder
	for n > 0 && len(t.parts) > 0 {
		p := &t.parts[0]
		cut := min(n, len(p.text))
		for cut < len(p.text) && !utf8.RuneStart(p.text[cut]) {
			cut++
		}
		b.WriteString(p.text[:cut])
		n -= cut
		if p.text = p.text[cut:]; p.text == "" {
			t.parts = t.parts[1:]
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return []part{{text: b.String()}}
}
