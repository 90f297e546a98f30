package convo

import (
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Chat is the dialect of OpenAI's chat completions, which many others speak, with its
// older completions (a prompt) beside it.
type Chat struct{}

// roleOf is whose words a message are. An unknown role is nobody's that is trusted.
func roleOf(name string) Role {
	switch name {
	case "system", "developer", "SYSTEM":
		return System
	case "assistant", "model", "CHATBOT":
		return Assistant
	case "tool", "function", "TOOL":
		return Tool
	}
	return User
}

// Request implements Dialect.
func (Chat) Request(body []byte, _ string) (*Request, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	r := &Request{View: *w.View}
	w.asks(r)
	choices, prompts := int64(1), int64(1)
	several := func(n doc.Node) { choices = max(choices, w.number(n)) }
	limit := func(n doc.Node) { r.MaxTokens = max(r.MaxTokens, w.number(n)) }
	w.object(root, User, Other, map[string]func(doc.Node){
		"model":                 func(n doc.Node) { r.Model = w.name(n) },
		"stream":                func(n doc.Node) { r.Stream = w.flag(n) },
		"max_tokens":            limit,
		"max_completion_tokens": limit,
		"n":                     several,
		"best_of":               several,
		"messages":              func(n doc.Node) { each(n, w.chatMessage) },
		"prompt": func(n doc.Node) { // each of several has its answers
			prompts = max(prompts, length(n))
			r.Tokens = r.Tokens || numbers(n)
			w.sweep(User, Text, n)
		},
		"input":           func(n doc.Node) { r.Tokens = r.Tokens || numbers(n); w.sweep(User, Text, n) }, // of embeddings
		"suffix":          func(n doc.Node) { w.sweep(User, Text, n) },
		"tools":           func(n doc.Node) { w.sweep(System, Schema, n) },
		"functions":       func(n doc.Node) { w.sweep(System, Schema, n) },
		"prediction":      func(n doc.Node) { w.sweep(User, Text, n) },
		"documents":       func(n doc.Node) { w.sweep(Tool, Text, n) },
		"response_format": func(n doc.Node) { w.sweep(System, Schema, n) },
		"stream_options":  nil,
		"temperature":     nil,
		"top_p":           nil,
	})
	r.choices(choices, prompts)
	r.elsewhere(w, root)
	return r, w.err
}

// choices says of how many answers the request is, as many as the product of counts.
func (r *Request) choices(counts ...int64) {
	r.Choices = 1
	for _, n := range counts {
		r.Choices = times(r.Choices, n)
	}
	r.MaxTokens = times(r.MaxTokens, r.Choices)
}

// times multiplies what is not negative, up to a number that no limit reaches.
func times(a, b int64) int64 {
	const most = 1 << 53
	if a > 0 && b > most/a {
		return most
	}
	return a * b
}

// length is how many values an array has, and 0 for any other value.
func length(n doc.Node) (many int64) {
	if n.Is('[') {
		for range n.Children() {
			many++
		}
	}
	return many
}

// numbers reports whether a value holds an array of numbers: tokens.
func numbers(n doc.Node) bool {
	for c := range n.Children() {
		if c.Is('0') || c.Is('[') {
			return n.Is('[')
		}
	}
	return false
}

// chatMessage makes parts of a message, in a request or an answer.
func (w *walker) chatMessage(n doc.Node) { w.chatSaid(n, roleOf(n.Get("role").Text())) }

func (w *walker) chatSaid(n doc.Node, role Role) {
	content := func(n doc.Node) { w.content(role, n) }
	w.object(n, role, Text, map[string]func(doc.Node){
		"role":              nil,
		"content":           content,
		"refusal":           content,
		"reasoning":         content,
		"reasoning_content": content,
		"tool_plan":         content,
		"citations":         func(n doc.Node) { w.sweep(Tool, Text, n) },
		"name":              func(n doc.Node) { w.add(role, Other, n) },
		"tool_call_id":      nil,
		"tool_calls":        func(n doc.Node) { each(n, w.chatCall) },
		"function_call":     func(n doc.Node) { w.call(n) },
		"audio": func(n doc.Node) {
			w.object(n, role, Text, map[string]func(doc.Node){"data": func(n doc.Node) { w.medium("audio", n) }, "id": nil})
		},
		"reasoning_details": func(n doc.Node) {
			text := func(n doc.Node) { w.sweep(role, Text, n) }
			detail := func(n doc.Node) { w.detail(role, n, text, text, w.skip) }
			if w.flows { // its streams may have them in any order
				each(n, detail)
				return
			}
			w.beside(n, detail)
		},
		"extra_content": w.extra,
	})
}

// detail makes parts of what a model thought as OpenRouter has it: a text or a summary, or what its provider alone can
// read.
func (w *walker) detail(role Role, n doc.Node, text, summary, signature func(doc.Node)) {
	w.object(n, role, Text, map[string]func(doc.Node){
		"type": nil, "id": nil, "format": nil, "index": nil, "text": text, "summary": summary, "signature": signature, "data": w.skip,
	})
}

// extra passes over thoughts with their signatures, which translated answers have there.
func (w *walker) extra(n doc.Node) {
	w.object(n, Assistant, Other, map[string]func(doc.Node){
		"google": func(n doc.Node) {
			w.object(n, Assistant, Other, map[string]func(doc.Node){"thought_signature": w.skip})
		},
		"anthropic": func(n doc.Node) {
			w.object(n, Assistant, Other, map[string]func(doc.Node){
				"thinking": func(n doc.Node) { each(n, func(n doc.Node) { w.block(Assistant, n) }) },
			})
		},
	})
}

// content makes parts of what a message holds: a text, or parts of several kinds.
func (w *walker) content(role Role, n doc.Node) {
	w.beside(n, func(n doc.Node) {
		if n.Is('"') {
			w.add(role, Text, n)
			return
		}
		w.object(n, role, Text, map[string]func(doc.Node){
			"type": nil,
			"text": func(n doc.Node) { w.sweep(role, Text, n) },
			"image_url": func(n doc.Node) {
				if n.Is('"') {
					w.media(role, n)
					return
				}
				w.object(n, role, Text, map[string]func(doc.Node){"url": func(n doc.Node) { w.media(role, n) }, "detail": nil})
			},
			"input_audio": func(n doc.Node) {
				w.object(n, role, Text, map[string]func(doc.Node){"data": func(n doc.Node) { w.medium("audio", n) }, "format": nil})
			},
			"file_data": func(n doc.Node) { w.media(Tool, n) },
			"file": func(n doc.Node) {
				w.object(n, role, Text, map[string]func(doc.Node){"file_data": func(n doc.Node) { w.media(Tool, n) }, "file_id": nil})
			},
			"document": func(n doc.Node) { w.sweep(Tool, Text, n) },
			"thinking": func(n doc.Node) {
				if w.flows { // a text of its own
					w.run = -w.run
				}
				w.sweep(role, Text, n)
				if w.flows {
					w.run = -w.run
				}
			},
		})
	})
}

// chatCall makes parts of a call of a tool.
func (w *walker) chatCall(n doc.Node) {
	w.chatKind(n)
	w.object(n, Assistant, Arguments, map[string]func(doc.Node){
		"id": nil, "type": nil, "index": nil, "extra_content": w.extra,
		"function": w.call, "custom": w.call,
	})
}

// chatKind notes a call that is neither of a function nor of a tool with a name.
func (w *walker) chatKind(n doc.Node) {
	switch kind := n.Get("type").Text(); kind {
	case "", "function", "custom":
	default:
		w.called(kind)
	}
}

// call makes parts of the name and the arguments of a tool that is called.
func (w *walker) call(n doc.Node) {
	w.object(n, Assistant, Arguments, map[string]func(doc.Node){
		"name":      func(n doc.Node) { w.add(Assistant, ToolName, n) },
		"arguments": w.arguments,
		"input":     w.arguments,
	})
}

// Answer implements Dialect.
func (Chat) Answer(body []byte) (*Answer, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	a := &Answer{View: *w.View}
	w.View = &a.View
	w.flows = true // as its streams have them
	w.object(root, Assistant, Other, map[string]func(doc.Node){
		"usage": func(n doc.Node) { a.Usage = chatUsage(n) },
		"choices": func(n doc.Node) {
			each(n, func(n doc.Node) {
				w.object(n, Assistant, Text, map[string]func(doc.Node){
					"index": nil, "finish_reason": nil, "logprobs": func(n doc.Node) { w.logprobs(n) },
					"message": func(n doc.Node) { w.chatSaid(n, Assistant) },
				})
			})
		},
		"data": func(n doc.Node) { w.vectors(n) },
	})
	return a, w.err
}

// logprobs repeat the answer piece by piece.
func (w *walker) logprobs(n doc.Node) {
	for range n.Children() {
		w.Opaque++
		w.repeats = append(w.repeats, n)
		return
	}
	w.sweep(Assistant, Text, n)
}

// vectors are what embeddings answer.
func (w *walker) vectors(n doc.Node) {
	each(n, func(n doc.Node) {
		w.object(n, Assistant, Other, map[string]func(doc.Node){"embedding": w.skip, "index": nil, "object": nil})
	})
}

func chatUsage(n doc.Node) (u Usage) {
	in, _ := n.Get("prompt_tokens").Int()
	u.CacheRead, _ = n.Get("prompt_tokens_details", "cached_tokens").Int()
	if u.CacheRead == 0 {
		u.CacheRead, _ = n.Get("prompt_cache_hit_tokens").Int()
	}
	u.CacheWrite, _ = n.Get("prompt_tokens_details", "cache_write_tokens").Int()
	u.CacheHour, _ = n.Get("prompt_tokens_details", "cache_write_hour_tokens").Int() // of a call that was translated
	u.Input = max(in-u.CacheRead-u.CacheWrite, 0)
	u.Output = produced(n, "completion_tokens", in)
	return u
}

// produced are the tokens of an answer by the name that they have. Some servers have what a model thought in the total alone.
func produced(usage doc.Node, name string, in int64) int64 {
	out, said := usage.Get(name).Int()
	if total, ok := usage.Get("total_tokens").Int(); ok && said {
		out = max(out, total-in)
	}
	return out
}

// Event implements Dialect.
func (Chat) Event(_ string, data []byte) (*Event, error) {
	w, root, err := open(data)
	if err != nil {
		return nil, err
	}
	e := &Event{View: *w.View, Bare: root.Get("usage").Is('{')}
	w.View = &e.View
	w.object(root, Assistant, Other, map[string]func(doc.Node){
		"usage": func(n doc.Node) { e.Usage = chatUsage(n) },
		"error": func(n doc.Node) { e.Failed = n.There() && !n.Is('n'); w.sweep(Assistant, Other, n) },
		"choices": func(n doc.Node) {
			each(n, func(n doc.Node) { w.chatChoice(e, n) })
		},
	})
	return e, w.err
}

func (w *walker) chatChoice(e *Event, n doc.Node) {
	e.Bare = false
	key := "c" + strconv.Itoa(index(n.Get("index")))
	piece := func(name string, kind Kind) func(doc.Node) {
		return func(n doc.Node) { w.piece(e, key+name, kind, n) }
	}
	called := func(at string, whole bool) func(doc.Node) {
		args := piece(at, Arguments)
		if whole {
			args = w.arguments
		}
		return func(n doc.Node) {
			w.object(n, Assistant, Arguments, map[string]func(doc.Node){
				"name": func(n doc.Node) { w.toolName(e, key+at, n) }, "arguments": args, "input": piece(at, Arguments),
			})
		}
	}
	delta := func(n doc.Node) {
		w.object(n, Assistant, Text, map[string]func(doc.Node){
			"role": nil, "content": func(n doc.Node) {
				if n.Is('"') {
					w.piece(e, key+"/content", Text, n)
					return
				}
				each(n, func(n doc.Node) { // Mistral's pieces of several kinds
					w.object(n, Assistant, Text, map[string]func(doc.Node){
						"type": nil, "text": piece("/content", Text),
						"thinking": func(n doc.Node) {
							each(n, func(n doc.Node) {
								w.object(n, Assistant, Text, map[string]func(doc.Node){"type": nil, "text": piece("/thinking", Text)})
							})
						},
					})
				})
			},
			"refusal": piece("/refusal", Text), "reasoning": piece("/reasoning", Text),
			"reasoning_content": piece("/reasoning_content", Text), "extra_content": w.extra,
			"reasoning_details": func(n doc.Node) {
				each(n, func(n doc.Node) {
					at := strconv.Itoa(index(n.Get("index")))
					w.detail(Assistant, n, piece("/details"+at, Text), piece("/summary"+at, Text), func(n doc.Node) {
						if n.Is('"') && n.Text() != "" { // it comes after its text
							e.Ends = append(e.Ends, key+"/details"+at)
						}
						w.skip(n)
					})
				})
			},
			"function_call": called("/call", false),
			"audio": func(n doc.Node) { // its transcript comes in pieces
				w.object(n, Assistant, Text, map[string]func(doc.Node){
					"id": nil, "expires_at": nil, "data": func(n doc.Node) { w.medium("audio", n) }, "transcript": piece("/transcript", Text),
				})
			},
			"tool_calls": func(n doc.Node) {
				each(n, func(n doc.Node) {
					w.chatKind(n)
					at := strconv.Itoa(index(n.Get("index")))
					// Servers that send each call in one event number all of them 0, or none.
					whole := n.Get("id").Text() != "" && n.Get("function", "name").Text() != "" && object(n.Get("function", "arguments").Text()) != nil
					w.object(n, Assistant, Arguments, map[string]func(doc.Node){
						"index": nil, "id": nil, "type": nil, "extra_content": w.extra, "function": called("/tool"+at, whole), "custom": called("/custom"+at, false),
					})
				})
			},
		})
	}
	w.object(n, Assistant, Text, map[string]func(doc.Node){
		"index": nil, "logprobs": w.logprobs, "delta": delta, "text": piece("/text", Text),
		"finish_reason": func(n doc.Node) {
			if n.Is('"') && !nothing[n.Text()] {
				e.Ends, e.Over, e.Last = append(e.Ends, key+"/*"), append(e.Over, key+"/"), true
			} else {
				e.Goes = append(e.Goes, key+"/")
			}
			w.name(n)
		},
	})
}

// nothing are reasons of an end that say that there is none yet.
var nothing = map[string]bool{"": true, "null": true, "FINISH_REASON_UNSPECIFIED": true}

func index(n doc.Node) int {
	v, _ := n.Int()
	return int(min(v, 1<<20))
}

// piece makes a part of a piece of a text.
func (w *walker) piece(e *Event, key string, kind Kind, n doc.Node) {
	if !n.Is('"') {
		w.sweep(Assistant, kind, n)
		return
	}
	if n.Text() == "" {
		return
	}
	w.add(Assistant, kind, n)
	e.Deltas = append(e.Deltas, Delta{Key: key, Part: len(w.Parts) - 1})
}

// beside says of which run the texts are whose pieces have none yet.
func (e *Event) beside(run string) {
	for i := range e.Deltas {
		if e.Deltas[i].Run == "" {
			e.Deltas[i].Run = run
		}
	}
}

// toolName makes a part of the name of a tool that is called, or of a piece of it.
func (w *walker) toolName(e *Event, key string, n doc.Node) {
	if n.Text() != "" {
		w.add(Assistant, ToolName, n)
		e.Names = append(e.Names, Delta{Key: key, Part: len(w.Parts) - 1})
	}
}

// Broken implements Dialect.
func (Chat) Broken(message string) *Raw {
	out := append([]byte(`{"error":{"message":`), doc.Quote(nil, message)...)
	return &Raw{Data: append(out, `,"type":"shroud_error","code":502}}`...)}
}

// Piece implements Dialect.
func (Chat) Piece(last []byte, key, text string) *Raw {
	choice, of, _ := strings.Cut(strings.TrimPrefix(key, "c"), "/")
	piece := doc.Quote(nil, text)
	delta := []byte(`{"` + of + `":`)
	end := `}`
	switch {
	case strings.HasPrefix(of, "tool"):
		delta = []byte(`{"tool_calls":[{"index":` + strings.TrimPrefix(of, "tool") + `,"function":{"arguments":`)
		end = `}}]}`
	case strings.HasPrefix(of, "custom"):
		delta = []byte(`{"tool_calls":[{"index":` + strings.TrimPrefix(of, "custom") + `,"custom":{"input":`)
		end = `}}]}`
	case strings.HasPrefix(of, "details"):
		delta, end = []byte(`{"reasoning_details":[{"type":"reasoning.text","index":`+strings.TrimPrefix(of, "details")+`,"text":`), `}]}`
	case strings.HasPrefix(of, "summary"):
		delta, end = []byte(`{"reasoning_details":[{"type":"reasoning.summary","index":`+strings.TrimPrefix(of, "summary")+`,"summary":`), `}]}`
	case of == "call":
		delta, end = []byte(`{"function_call":{"arguments":`), `}}`
	case of == "transcript":
		delta, end = []byte(`{"audio":{"transcript":`), `}}`
	case of == "thinking":
		delta, end = []byte(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":`), `}]}]}`
	}
	delta = append(append(delta, piece...), end...)
	out := again(last, "id", "object", "created", "model")
	out = append(out, `"choices":[{"index":`+choice+`,`...)
	if of == "text" {
		out = append(append(out, `"text":`...), piece...)
	} else {
		out = append(append(out, `"delta":`...), delta...)
	}
	return &Raw{Data: append(out, `,"finish_reason":null}]}`...)}
}

// again begins an object with fields of another.
func again(last []byte, names ...string) []byte {
	out := []byte{'{'}
	d, err := doc.Parse(last)
	if err != nil {
		return out // it was parsed before
	}
	for _, name := range names {
		if n := d.Root().Get(name); n.There() {
			out = append(append(append(doc.Quote(out, name), ':'), n.Raw()...), ',')
		}
	}
	return out
}
