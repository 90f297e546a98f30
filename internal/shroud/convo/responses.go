package convo

import (
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Responses is the dialect of OpenAI's Responses.
type Responses struct{}

// Request implements Dialect.
func (Responses) Request(body []byte, _ string) (*Request, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	r := &Request{View: *w.View}
	w.asks(r)
	w.object(root, User, Other, map[string]func(doc.Node){
		"model":             func(n doc.Node) { r.Model = w.name(n) },
		"stream":            func(n doc.Node) { r.Stream = w.flag(n) },
		"max_output_tokens": func(n doc.Node) { r.MaxTokens = w.number(n) },
		"instructions":      func(n doc.Node) { w.sweep(System, Text, n) },
		"tools":             func(n doc.Node) { w.sweep(System, Schema, n) },
		"text":              func(n doc.Node) { w.sweep(System, Schema, n) },
		"input": func(n doc.Node) {
			if n.Is('"') {
				w.add(User, Text, n)
				return
			}
			each(n, w.item)
		},
		"background":  func(n doc.Node) { w.refuse(!n.Is('f') && !n.Is('n'), ErrBackground) },
		"prompt":      func(n doc.Node) { w.refuse(!n.Is('n'), ErrStored) },
		"temperature": nil, "top_p": nil, "include": nil, "store": nil, "reasoning": nil,
	})
	r.elsewhere(w, root)
	return r, w.err
}

// item makes parts of an item of the input or output.
func (w *walker) item(n doc.Node) {
	kind := n.Get("type").Text()
	if kind == "" || kind == "message" {
		w.chatMessage(n)
		return
	}
	switch of, call := strings.CutSuffix(kind, "_call"); {
	case call && of != "function" && of != "custom_tool" && of != "mcp":
		w.called(of)
	}
	role := Assistant
	if strings.HasSuffix(kind, "_output") || strings.HasSuffix(kind, "_response") {
		role = Tool
	}
	told := func(n doc.Node) {
		if n.Is('"') {
			w.json(Tool, Text, n)
			return
		}
		w.content(Tool, n)
	}
	known := map[string]func(doc.Node){
		"type": nil, "id": nil, "call_id": nil, "status": nil, "encrypted_content": w.skip,
		"name": func(n doc.Node) { w.add(role, ToolName, n) }, "arguments": w.arguments, "input": w.arguments,
		"output": told, "result": told, "results": told, "outputs": told,
		"action": w.arguments, "operation": w.arguments, "code": func(n doc.Node) { w.add(Assistant, Arguments, n) },
	}
	if kind == "reasoning" {
		known["summary"] = func(n doc.Node) { w.content(Assistant, n) }
		known["content"] = known["summary"]
	}
	if kind == "image_generation_call" {
		known["result"] = w.skip
	}
	w.object(n, role, Text, known)
}

// Answer implements Dialect.
func (Responses) Answer(body []byte) (*Answer, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	a := &Answer{View: *w.View}
	w.View = &a.View
	a.Usage = w.responded(root)
	return a, w.err
}

// responded makes parts of a response, which repeats some of its request.
func (w *walker) responded(n doc.Node) (u Usage) {
	w.object(n, Assistant, Other, map[string]func(doc.Node){
		"usage":        func(n doc.Node) { u = responsesUsage(n) },
		"output":       func(n doc.Node) { each(n, w.item) },
		"output_text":  func(n doc.Node) { w.sweep(Assistant, Text, n) },
		"instructions": func(n doc.Node) { w.sweep(System, Text, n) },
		"tools":        func(n doc.Node) { w.sweep(System, Schema, n) },
		"error":        func(n doc.Node) { w.sweep(Assistant, Other, n) },
		"reasoning":    nil,
	})
	return u
}

func responsesUsage(n doc.Node) (u Usage) {
	in, _ := n.Get("input_tokens").Int()
	u.CacheRead, _ = n.Get("input_tokens_details", "cached_tokens").Int()
	u.Input = max(in-u.CacheRead, 0)
	u.Output = produced(n, "output_tokens", in)
	return u
}

// Event implements Dialect. Each kind of text has an event for a piece (".delta") and
// one that repeats the whole (".done").
func (Responses) Event(name string, data []byte) (*Event, error) {
	w, root, e, kind, err := opened(name, data)
	if err != nil {
		return nil, err
	}
	of, piece := strings.CutSuffix(kind, ".delta")
	if !piece {
		of, _ = strings.CutSuffix(kind, ".done")
	}
	part := Text
	for _, word := range [...]string{"arguments", "_input", "_code", "_diff"} {
		if strings.Contains(of, word) {
			part = Arguments
		}
	}
	at := strconv.Itoa(index(root.Get("output_index")))
	key := strings.Join([]string{at, of, strconv.Itoa(index(root.Get("content_index"))), strconv.Itoa(index(root.Get("summary_index")))}, "/")
	whole := func(n doc.Node) {
		if part == Arguments {
			w.arguments(n)
			return
		}
		w.sweep(Assistant, Text, n)
	}
	switch {
	case piece:
	case strings.HasSuffix(kind, ".done"):
		e.Ends = append(e.Ends, key)
		if of == "response.output_item" || of == "response.content_part" {
			e.Ends[0] = at + "/*"
		}
		if of == "response.output_item" {
			e.Parted = append(e.Parted, at+"/content", at+"/summary")
		}
	case kind == "response.completed" || kind == "response.incomplete" || kind == "response.failed":
		e.All, e.Last, e.Failed = true, true, kind == "response.failed"
	case kind == "error":
		e.Failed, e.Last = true, true
	}
	w.object(root, Assistant, Other, map[string]func(doc.Node){
		"type": nil, "sequence_number": nil, "output_index": nil, "content_index": nil, "item_id": nil,
		"logprobs": w.logprobs, "obfuscation": w.skip,
		"delta": func(n doc.Node) {
			switch {
			case strings.HasSuffix(of, "audio"): // in base64, each piece by itself
				w.medium("audio", n)
			case piece:
				w.piece(e, key, part, n)
				for i := range e.Deltas {
					e.Deltas[i].Again = true
				}
				if run := runOf[of]; run != "" {
					e.beside(at + "/" + run)
				}
			default:
				w.sweep(Assistant, Other, n)
			}
		},
		"text": whole, "refusal": whole, "arguments": whole, "input": whole, "code": whole, "diff": whole,
		"partial_image_b64": w.skip,
		"part":              func(n doc.Node) { w.content(Assistant, n) },
		"item":              w.item,
		"response":          func(n doc.Node) { e.Usage = w.responded(n) },
	})
	return e, w.err
}

// runOf are the texts of which an item may have several side by side, by what their events are called.
var runOf = map[string]string{
	"response.output_text": "content", "response.refusal": "content", "response.reasoning_text": "content",
	"response.reasoning_summary_text": "summary",
}

// Broken implements Dialect.
func (Responses) Broken(message string) *Raw {
	out := append([]byte(`{"type":"error","code":"shroud_error","message":`), doc.Quote(nil, message)...)
	return &Raw{"error", append(out, `,"param":null,"sequence_number":0}`...)}
}

// Piece implements Dialect.
func (Responses) Piece(last []byte, _, text string) *Raw {
	out := again(last, "type", "item_id", "output_index", "content_index", "summary_index", "sequence_number")
	out = append(append(append(out, `"delta":`...), doc.Quote(nil, text)...), '}')
	kind := ""
	if d, err := doc.Parse(last); err == nil {
		kind = d.Root().Get("type").Text()
	}
	return &Raw{kind, out}
}

// Number is the number of an event.
func (Responses) Number(data []byte) (int64, bool) {
	d, err := doc.Parse(data)
	if err != nil {
		return 0, false
	}
	return d.Root().Get("sequence_number").Int()
}

// Numbered returns the event with another number.
func (Responses) Numbered(data []byte, n int64) []byte {
	d, err := doc.Parse(data)
	if err != nil {
		return data // it is not an event of this dialect
	}
	return d.Rewrite([]doc.Edit{{At: d.Root().Get("sequence_number"), Raw: strconv.AppendInt(nil, n, 10)}})
}
