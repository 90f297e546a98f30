package convo

import (
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Gemini is the dialect of Google's generateContent. Its servers take each key in two
// spellings.
type Gemini struct{}

// GeminiModel is the model and the method in a path such as
// /v1beta/models/MODEL:generateContent, or ok is false.
func GeminiModel(path string) (model, method string, ok bool) {
	_, rest, ok := strings.Cut(path, "/models/")
	if !ok {
		return "", "", false
	}
	model, method, ok = strings.Cut(rest, ":")
	return model, method, ok && model != "" && !strings.ContainsAny(model, "/%?#")
}

// both gives a key its other spelling too.
func both(known map[string]func(doc.Node)) map[string]func(doc.Node) {
	for name, take := range known {
		var b strings.Builder
		for _, c := range name {
			if c >= 'A' && c <= 'Z' {
				b.WriteByte('_')
				c += 'a' - 'A'
			}
			b.WriteRune(c)
		}
		known[b.String()] = take
	}
	return known
}

// Request implements Dialect.
func (Gemini) Request(body []byte, path string) (*Request, error) {
	w, root, err := open(body)
	if err != nil {
		return nil, err
	}
	r := &Request{View: *w.View}
	w.asks(r)
	var method string
	r.Model, method, _ = GeminiModel(path)
	r.Stream = method == "streamGenerateContent"
	choices := int64(1)
	limit := func(n doc.Node) { r.MaxTokens = max(r.MaxTokens, w.number(n)) }
	ask := both(map[string]func(doc.Node){
		"contents":          func(n doc.Node) { each(n, func(n doc.Node) { w.turn(roleOf(n.Get("role").Text()), n) }) },
		"content":           func(n doc.Node) { w.turn(User, n) }, // of an embedding
		"systemInstruction": func(n doc.Node) { w.turn(System, n) },
		"tools":             func(n doc.Node) { w.sweep(System, Schema, n) },
		"generationConfig": func(n doc.Node) {
			w.object(n, System, Schema, both(map[string]func(doc.Node){
				"maxOutputTokens": limit, "candidateCount": func(n doc.Node) { choices = max(choices, w.number(n)) }, "temperature": nil,
			}))
		},
	})
	known := map[string]func(doc.Node){ // counting of tokens, embeddings in batches
		"generateContentRequest": func(n doc.Node) { w.object(n, User, Other, ask) },
		"requests":               func(n doc.Node) { each(n, func(n doc.Node) { w.object(n, User, Other, ask) }) },
		"model":                  nil,
	}
	for name, take := range ask {
		known[name] = take
	}
	w.object(root, User, Other, both(known))
	r.choices(choices)
	r.elsewhere(w, root)
	return r, w.err
}

func (w *walker) turn(role Role, n doc.Node) {
	w.object(n, role, Text, map[string]func(doc.Node){
		"role":  nil,
		"parts": func(n doc.Node) { w.beside(n, func(n doc.Node) { w.geminiPart(nil, "", role, n) }) },
	})
}

// geminiPart makes parts of one part. In an event its text is a piece of what has the key.
func (w *walker) geminiPart(e *Event, key string, role Role, n doc.Node) {
	text := func(n doc.Node) {
		if e != nil {
			w.piece(e, key, Text, n)
			return
		}
		w.sweep(role, Text, n)
	}
	before := func() { // what was said before comes before
		if e != nil {
			e.Ends = append(e.Ends, key)
		} else if role == Assistant && w.flows {
			w.part()
		}
	}
	if n.Get("thought").True() && role == Assistant {
		text = w.skip
	}
	w.object(n, role, Text, both(map[string]func(doc.Node){
		"text": text, "thought": nil, "thoughtSignature": w.skip,
		"inlineData": func(n doc.Node) {
			kind := n.Get("mimeType").Text() + n.Get("mime_type").Text()
			data := func(n doc.Node) { w.sweep(Tool, Text, n) }
			if noText(kind) {
				data = func(n doc.Node) { w.medium(kind, n) }
			}
			w.object(n, role, Text, both(map[string]func(doc.Node){"mimeType": nil, "data": data}))
		},
		"functionCall": func(n doc.Node) {
			before()
			w.object(n, Assistant, Arguments, map[string]func(doc.Node){
				"id": nil, "name": func(n doc.Node) { w.add(Assistant, ToolName, n) }, "args": w.arguments,
			})
		},
		"functionResponse": func(n doc.Node) {
			w.object(n, Tool, Text, map[string]func(doc.Node){
				"id": nil, "name": func(n doc.Node) { w.add(Tool, Other, n) },
				"response": func(n doc.Node) { w.free(Tool, Text, n) },
				"parts":    func(n doc.Node) { w.beside(n, func(n doc.Node) { w.geminiPart(nil, "", Tool, n) }) },
			})
		},
		"executableCode": func(n doc.Node) {
			before()
			w.called("codeExecution")
			w.sweep(Assistant, Arguments, n)
		},
		"toolCall": func(n doc.Node) { // of a tool of Google's
			before()
			w.called(n.Get("toolType").Text() + n.Get("tool_type").Text())
			w.sweep(Assistant, Arguments, n)
		},
		"codeExecutionResult": func(n doc.Node) { w.sweep(Tool, Text, n) },
	}))
}

// Answer implements Dialect.
func (Gemini) Answer(body []byte) (*Answer, error) {
	e, err := gemini(body, false)
	if err != nil {
		return nil, err
	}
	return &Answer{View: e.View, Usage: e.Usage}, nil
}

// Event implements Dialect.
func (Gemini) Event(_ string, data []byte) (*Event, error) { return gemini(data, true) }

func gemini(data []byte, pieces bool) (*Event, error) {
	w, root, err := open(data)
	if err != nil {
		return nil, err
	}
	e := &Event{View: *w.View, Failed: root.Get("error").There()}
	w.View = &e.View
	in := e
	if !pieces {
		in, w.flows = nil, true // as its streams have them
	}
	w.object(root, Assistant, Other, both(map[string]func(doc.Node){
		"usageMetadata": func(n doc.Node) { e.Usage = geminiUsage(n) },
		"embedding":     w.skip, "embeddings": w.skip,
		"candidates": func(n doc.Node) {
			each(n, func(c doc.Node) {
				key := "c" + strconv.Itoa(index(c.Get("index")))
				if why := c.Get("finishReason"); why.There() && !why.Is('n') && !nothing[why.Text()] {
					e.Ends, e.Over, e.Last = append(e.Ends, key, key+"/text"), append(e.Over, key+"/"), true
				} else {
					e.Goes = append(e.Goes, key)
				}
				w.object(c, Assistant, Text, both(map[string]func(doc.Node){
					"index": nil, "finishReason": nil, "safetyRatings": nil, "logprobsResult": w.logprobs,
					"content": func(n doc.Node) {
						w.object(n, Assistant, Text, map[string]func(doc.Node){
							"role":  nil,
							"parts": func(n doc.Node) { w.beside(n, func(n doc.Node) { w.geminiPart(in, key+"/text", Assistant, n) }) },
						})
					},
				}))
			})
		},
	}))
	return e, w.err
}

func geminiUsage(n doc.Node) (u Usage) {
	in, _ := n.Get("promptTokenCount").Int()
	tool, _ := n.Get("toolUsePromptTokenCount").Int()
	u.CacheRead, _ = n.Get("cachedContentTokenCount").Int()
	u.Input = max(in+tool-u.CacheRead, 0)
	said, _ := n.Get("candidatesTokenCount").Int()
	thought, _ := n.Get("thoughtsTokenCount").Int()
	u.Output = said + thought
	return u
}

// Broken implements Dialect.
func (Gemini) Broken(message string) *Raw {
	out := append([]byte(`{"error":{"code":502,"status":"UNAVAILABLE","message":`), doc.Quote(nil, message)...)
	return &Raw{Data: append(out, `}}`...)}
}

// Piece implements Dialect.
func (Gemini) Piece(last []byte, key, text string) *Raw {
	out := append(again(last, "modelVersion", "responseId"), `"candidates":[{"content":{"role":"model","parts":[{"text":`...)
	choice, _, _ := strings.Cut(key[1:], "/")
	return &Raw{Data: append(doc.Quote(out, text), `}]},"index":`+choice+`}]}`...)}
}
