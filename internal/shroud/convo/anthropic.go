package convo

import (
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Messages is the dialect of Anthropic's Messages, and of its counting of tokens.
type Messages struct{}

// besides is the name of the run of a message's texts, where there is one.
const besides = "message"

// Request implements Dialect.
func (Messages) Request(body []byte, _ string) (*Request, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	r := &Request{View: *w.View}
	w.asks(r)
	w.object(root, User, Other, map[string]func(doc.Node){
		"model":      func(n doc.Node) { r.Model = w.name(n) },
		"stream":     func(n doc.Node) { r.Stream = w.flag(n) },
		"max_tokens": func(n doc.Node) { r.MaxTokens = w.number(n) },
		"system":     func(n doc.Node) { w.beside(n, func(n doc.Node) { w.block(System, n) }) },
		"tools":      func(n doc.Node) { w.sweep(System, Schema, n) },
		"messages": func(n doc.Node) {
			each(n, func(n doc.Node) {
				role := roleOf(n.Get("role").Text())
				w.object(n, role, Text, map[string]func(doc.Node){
					"role": nil, "content": func(n doc.Node) { w.beside(n, func(n doc.Node) { w.block(role, n) }) },
				})
			})
		},
		"temperature": nil, "top_p": nil, "top_k": nil, "thinking": nil,
	})
	r.elsewhere(w, root)
	return r, w.err
}

// block makes parts of one block of a message.
func (w *walker) block(role Role, n doc.Node) {
	if n.Is('"') {
		w.add(role, Text, n)
		return
	}
	kind := n.Get("type").Text()
	switch kind {
	case "thinking", "redacted_thinking", "compaction":
		if role == Assistant {
			w.skip(n)
			return
		}
	case "tool_result", "mcp_tool_result", "document", "search_result":
		role = Tool
	}
	if len(kind) > len("_tool_result") && kind[len(kind)-len("_tool_result"):] == "_tool_result" {
		role = Tool
	}
	inner := func(n doc.Node) {
		if n.Is('{') || n.Is('"') {
			w.block(role, n)
			return
		}
		w.beside(n, func(n doc.Node) { w.block(role, n) })
	}
	w.object(n, role, Text, map[string]func(doc.Node){
		"type": nil, "id": nil, "tool_use_id": nil, "cache_control": nil, "is_error": nil, "caller": nil,
		"signature": w.skip, "encrypted_content": w.skip,
		"text":      func(n doc.Node) { w.sweep(role, Text, n) },
		"citations": func(n doc.Node) { w.sweep(Tool, Text, n) },
		"title":     func(n doc.Node) { w.sweep(Tool, Text, n) },
		"context":   func(n doc.Node) { w.sweep(Tool, Text, n) },
		"content":   inner,
		"name":      func(n doc.Node) { w.add(role, ToolName, n) },
		"input":     w.arguments,
		"source": func(n doc.Node) {
			if n.Get("type").Text() == "base64" {
				kind := n.Get("media_type").Text()
				w.object(n, Tool, Text, map[string]func(doc.Node){"type": nil, "media_type": nil, "data": func(n doc.Node) { w.medium(kind, n) }})
				return
			}
			w.object(n, Tool, Text, map[string]func(doc.Node){"type": nil, "media_type": nil, "content": inner})
		},
	})
}

// Answer implements Dialect.
func (Messages) Answer(body []byte) (*Answer, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	a := &Answer{View: *w.View}
	w.View = &a.View
	a.Usage = w.message(root)
	return a, w.err
}

func (w *walker) message(n doc.Node) (u Usage) {
	w.object(n, Assistant, Other, map[string]func(doc.Node){
		"role": nil, "usage": func(n doc.Node) { u = messagesUsage(n) },
		"input_tokens": nil, // the answer to a count
		"content": func(n doc.Node) {
			w.beside(n, func(n doc.Node) {
				if n.Get("type").Text() != "text" {
					w.part()
				}
				w.block(Assistant, n)
			})
		},
	})
	return u
}

func messagesUsage(n doc.Node) (u Usage) {
	u = iteration(n)
	for of := range n.Get("iterations").Children() { // the numbers beside them are those of messages alone
		if of.Get("type").Text() != "message" {
			u = u.and(iteration(of))
		}
	}
	return u
}

// iteration is what one turn of a call bills.
func iteration(n doc.Node) (u Usage) {
	u.Input, _ = n.Get("input_tokens").Int()
	u.CacheRead, _ = n.Get("cache_read_input_tokens").Int()
	u.CacheWrite, _ = n.Get("cache_creation_input_tokens").Int()
	u.CacheHour, _ = n.Get("cache_creation", "ephemeral_1h_input_tokens").Int()
	u.Output, _ = n.Get("output_tokens").Int()
	return u
}

// Event implements Dialect.
func (Messages) Event(name string, data []byte) (*Event, error) {
	w, root, e, kind, err := opened(name, data)
	if err != nil {
		return nil, err
	}
	key := strconv.Itoa(index(root.Get("index")))
	switch kind {
	case "content_block_stop":
		e.Ends = append(e.Ends, key)
	case "message_delta":
		e.Parted = append(e.Parted, besides)
	case "message_stop":
		e.All, e.Last = true, true
	case "error":
		e.Failed, e.Last = true, true
	}
	piece := func(kind Kind) func(doc.Node) {
		return func(n doc.Node) {
			w.piece(e, key, kind, n)
			if kind == Text {
				e.beside(besides)
			}
		}
	}
	w.object(root, Assistant, Other, map[string]func(doc.Node){
		"type": nil, "index": nil,
		"usage":         func(n doc.Node) { e.Usage = messagesUsage(n) },
		"message":       func(n doc.Node) { e.Usage = w.message(n) },
		"content_block": func(n doc.Node) { w.started(e, key, n) },
		"delta": func(n doc.Node) {
			w.object(n, Assistant, Other, map[string]func(doc.Node){
				"type": nil, "text": piece(Text), "partial_json": piece(Arguments), "thinking": w.skip, "signature": w.skip,
				"content": w.skip, "stop_reason": nil,
				"stop_sequence": func(n doc.Node) { w.sweep(Assistant, Text, n) },
				"citation":      func(n doc.Node) { w.sweep(Tool, Text, n) },
			})
		},
	})
	return e, w.err
}

// started makes parts of a block that begins. Its text goes on in pieces.
func (w *walker) started(e *Event, key string, n doc.Node) {
	if n.Get("type").Text() != "text" {
		e.Parted = append(e.Parted, besides)
		w.block(Assistant, n)
		return
	}
	w.object(n, Assistant, Text, map[string]func(doc.Node){
		"type": nil, "text": func(n doc.Node) { w.piece(e, key, Text, n); e.beside(besides) },
		"citations": func(n doc.Node) { w.sweep(Tool, Text, n) },
	})
}

// Broken implements Dialect.
func (Messages) Broken(message string) *Raw {
	out := append([]byte(`{"type":"error","error":{"type":"api_error","message":`), doc.Quote(nil, message)...)
	return &Raw{"error", append(out, `}}`...)}
}

// Piece implements Dialect.
func (Messages) Piece(last []byte, key, text string) *Raw {
	kind, field := "text_delta", "text"
	if d, err := doc.Parse(last); err == nil && d.Root().Get("delta", "partial_json").There() {
		kind, field = "input_json_delta", "partial_json"
	}
	out := []byte(`{"type":"content_block_delta","index":` + key + `,"delta":{"type":"` + kind + `","` + field + `":`)
	return &Raw{"content_block_delta", append(doc.Quote(out, text), `}}`...)}
}
