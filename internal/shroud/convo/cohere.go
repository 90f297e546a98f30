package convo

import (
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Cohere is the dialect of Cohere's chat, version 2. Its messages are those of Chat with
// documents beside them.
type Cohere struct{}

// Request implements Dialect.
func (Cohere) Request(body []byte, path string) (*Request, error) { return Chat{}.Request(body, path) }

// Answer implements Dialect.
func (Cohere) Answer(body []byte) (*Answer, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	a := &Answer{View: *w.View}
	w.View = &a.View
	w.object(root, Assistant, Other, map[string]func(doc.Node){
		"usage": func(n doc.Node) { a.Usage = cohereUsage(n) }, "finish_reason": nil, "logprobs": w.logprobs,
		"embeddings": w.skip,
		"message": func(n doc.Node) {
			w.object(n, Assistant, Text, map[string]func(doc.Node){
				"role": nil, "content": func(n doc.Node) { w.content(Assistant, n) },
				"tool_plan":  func(n doc.Node) { w.sweep(Assistant, Text, n) },
				"tool_calls": func(n doc.Node) { each(n, w.chatCall) },
				"citations":  func(n doc.Node) { w.sweep(Tool, Text, n) },
			})
		},
	})
	return a, w.err
}

func cohereUsage(n doc.Node) (u Usage) {
	for _, of := range [...]string{"billed_units", "tokens"} {
		if u.Known() {
			break
		}
		u.Input, _ = n.Get(of, "input_tokens").Int()
		u.Output, _ = n.Get(of, "output_tokens").Int()
	}
	return u
}

// Event implements Dialect.
func (Cohere) Event(name string, data []byte) (*Event, error) {
	w, root, e, kind, err := opened(name, data)
	if err != nil {
		return nil, err
	}
	key := strconv.Itoa(index(root.Get("index")))
	switch kind {
	case "content-start", "tool-call-start":
		e.Ends = append(e.Ends, "plan")
	case "content-end": // contents and calls are counted apart
		e.Ends = append(e.Ends, key+"/text", key+"/thinking")
	case "tool-call-end":
		e.Ends = append(e.Ends, key+"/arguments")
	case "message-end":
		e.All, e.Last = true, true
	}
	piece := func(key string, kind Kind) func(doc.Node) { return func(n doc.Node) { w.piece(e, key, kind, n) } }
	said := func(key string) func(doc.Node) {
		return func(n doc.Node) { w.piece(e, key, Text, n); e.beside(besides) }
	}
	w.object(root, Assistant, Other, map[string]func(doc.Node){
		"type": nil, "index": nil, "id": nil,
		"delta": func(n doc.Node) {
			w.object(n, Assistant, Other, map[string]func(doc.Node){
				"finish_reason": nil, "usage": func(n doc.Node) { e.Usage = cohereUsage(n) },
				"message": func(n doc.Node) {
					w.object(n, Assistant, Text, map[string]func(doc.Node){
						"role": nil, "tool_plan": piece("plan", Text),
						"content": func(n doc.Node) {
							w.object(n, Assistant, Text, map[string]func(doc.Node){"type": nil, "text": said(key + "/text"), "thinking": said(key + "/thinking")})
						},
						"tool_calls": func(n doc.Node) {
							w.object(n, Assistant, Arguments, map[string]func(doc.Node){
								"id": nil, "type": nil,
								"function": func(n doc.Node) {
									w.object(n, Assistant, Arguments, map[string]func(doc.Node){
										"name":      func(n doc.Node) { w.toolName(e, key+"/arguments", n) },
										"arguments": piece(key+"/arguments", Arguments),
									})
								},
							})
						},
						"citations": func(n doc.Node) { w.sweep(Tool, Text, n) },
					})
				},
			})
		},
	})
	return e, w.err
}

// Broken implements Dialect.
func (Cohere) Broken(message string) *Raw {
	out := append([]byte(`{"type":"message-end","delta":{"finish_reason":"ERROR","error":`), doc.Quote(nil, message)...)
	return &Raw{"message-end", append(out, `}}`...)}
}

// Piece implements Dialect.
func (Cohere) Piece(_ []byte, key, text string) *Raw {
	piece := string(doc.Quote(nil, text))
	at, of, _ := strings.Cut(key, "/")
	switch of {
	case "":
		return &Raw{"tool-plan-delta", []byte(`{"type":"tool-plan-delta","delta":{"message":{"tool_plan":` + piece + `}}}`)}
	case "arguments":
		return &Raw{"tool-call-delta", []byte(`{"type":"tool-call-delta","index":` + at + `,"delta":{"message":{"tool_calls":{"function":{"arguments":` + piece + `}}}}}`)}
	}
	return &Raw{"content-delta", []byte(`{"type":"content-delta","index":` + at + `,"delta":{"message":{"content":{"` + of + `":` + piece + `}}}}`)}
}
