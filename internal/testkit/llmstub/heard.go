package llmstub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Heard is what a client makes of an answer.
type Heard struct {
	Texts  map[string]string // "CHOICE KIND NUMBER" to what was said there; of calls, "name" too
	Failed string            // the message of an error in the stream
	Ended  bool              // the stream has come to the end that its dialect has
	Counts int               // how many events there were
}

func (h *Heard) add(text any, choice int, kind Kind, n int) {
	if s, ok := text.(string); ok && s != "" {
		h.Texts[fmt.Sprint(choice, " ", kind, " ", n)] += s
	}
}

// put is add for JSON that comes whole.
func (h *Heard) put(v any, choice int, kind Kind, n int) {
	if v == nil {
		return
	}
	if m, ok := v.(map[string]any); ok && len(m) == 0 {
		return // its pieces follow
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	h.add(string(b), choice, kind, n)
}

// at is what is found by keys and numbers, or nil.
func at(v any, way ...any) any {
	for _, step := range way {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

func number(v any) int {
	f, _ := v.(float64)
	return int(f)
}

func each(v any, take func(i int, v any)) {
	l, _ := v.([]any)
	for i, e := range l {
		take(i, e)
	}
}

// Hear reads a whole answer.
func Hear(d Dialect, body []byte) (*Heard, error) {
	h := &Heard{Texts: map[string]string{}, Ended: true}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	switch d {
	case Chat, Mistral, Completions:
		each(at(v, "choices"), func(_ int, c any) {
			h.add(at(c, "text"), number(at(c, "index")), Text, 0)
			h.chat(at(c, "message"), number(at(c, "index")), true)
		})
	case Responses:
		h.output(v)
	case Messages:
		each(at(v, "content"), func(i int, b any) { h.block(b, i) })
	case Gemini:
		h.gemini(v)
	case Cohere:
		h.add(at(v, "message", "tool_plan"), 0, "plan", 0)
		each(at(v, "message", "content"), func(i int, c any) { h.cohere(c, i) })
		each(at(v, "message", "tool_calls"), func(i int, c any) { h.call(c, 0, i) })
	}
	return h, nil
}

// HearStream reads a stream, as whoever wrote the dialect's client does.
func HearStream(d Dialect, stream []byte) (*Heard, error) {
	h := &Heard{Texts: map[string]string{}}
	next := 0
	for block := range bytes.SplitSeq(lines(stream), []byte("\n\n")) {
		data := dataOf(block)
		if len(data) == 0 {
			continue
		}
		h.Counts++
		if string(data) == "[DONE]" {
			h.Ended = true
			continue
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			return nil, fmt.Errorf("event %q: %w", data, err)
		}
		if d == Responses {
			if n := number(at(v, "sequence_number")); n != next {
				return nil, fmt.Errorf("event %d has number %d: %s", next, n, data)
			}
			next++
		}
		if err := h.event(d, v); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// lines has LF at the end of each line, and nothing before the first.
func lines(stream []byte) []byte {
	stream = bytes.TrimPrefix(stream, []byte("\xef\xbb\xbf"))
	stream = bytes.ReplaceAll(stream, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(stream, []byte("\r"), []byte("\n"))
}

func dataOf(block []byte) []byte {
	var out [][]byte
	for line := range bytes.SplitSeq(block, []byte("\n")) {
		if v, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			out = append(out, bytes.TrimPrefix(v, []byte(" ")))
		}
	}
	return bytes.Join(out, []byte("\n"))
}

func (h *Heard) event(d Dialect, v any) error {
	if e := at(v, "error"); e != nil {
		h.Failed, _ = at(e, "message").(string)
		return nil
	}
	switch d {
	case Chat, Mistral, Completions:
		each(at(v, "choices"), func(_ int, c any) {
			h.add(at(c, "text"), number(at(c, "index")), Text, 0)
			h.chat(at(c, "delta"), number(at(c, "index")), false)
		})
	case Responses:
		return h.responses(v)
	case Messages:
		h.messages(v)
	case Gemini:
		h.gemini(v)
	case Cohere:
		h.cohereEvent(v)
	}
	return nil
}

// call is a call of a tool as chat completions have it.
func (h *Heard) call(c any, choice, i int) {
	h.add(at(c, "function", "name"), choice, "name", i)
	h.add(at(c, "custom", "name"), choice, "name", i)
	h.add(at(c, "function", "arguments"), choice, Call, i)
	h.add(at(c, "custom", "input"), choice, Custom, i)
}

func (h *Heard) chat(m any, choice int, whole bool) {
	h.add(at(m, "refusal"), choice, Refusal, 0)
	h.add(at(m, "reasoning_content"), choice, Thinking, 0)
	h.add(at(m, "content"), choice, Text, 0)
	each(at(m, "content"), func(_ int, p any) {
		h.add(at(p, "text"), choice, Text, 0)
		each(at(p, "thinking"), func(_ int, t any) { h.add(at(t, "text"), choice, Thinking, 0) })
	})
	each(at(m, "tool_calls"), func(i int, c any) {
		if !whole {
			i = number(at(c, "index"))
		}
		h.call(c, choice, i)
	})
}

func (h *Heard) block(b any, i int) {
	h.add(at(b, "text"), 0, Text, i)
	h.add(at(b, "thinking"), 0, Thinking, i)
	h.add(at(b, "name"), 0, "name", i)
	h.put(at(b, "input"), 0, Call, i)
	h.put(at(b, "content"), 0, Search, i)
}

func (h *Heard) messages(v any) {
	i := number(at(v, "index"))
	switch at(v, "type") {
	case "content_block_start":
		h.block(at(v, "content_block"), i)
	case "content_block_delta":
		h.add(at(v, "delta", "text"), 0, Text, i)
		h.add(at(v, "delta", "thinking"), 0, Thinking, i)
		h.add(at(v, "delta", "partial_json"), 0, Call, i)
	case "message_stop":
		h.Ended = true
	}
}

func (h *Heard) gemini(v any) {
	each(at(v, "candidates"), func(_ int, c any) {
		choice := number(at(c, "index"))
		h.Ended = h.Ended || at(c, "finishReason") != nil
		each(at(c, "content", "parts"), func(_ int, p any) {
			kind := Text
			if at(p, "thought") == true {
				kind = Thinking
			}
			h.add(at(p, "text"), choice, kind, 0)
			h.add(at(p, "executableCode", "code"), choice, Code, 0)
			h.add(at(p, "functionCall", "name"), choice, "name", 0)
			h.put(at(p, "functionCall", "args"), choice, Call, 0)
		})
	})
}

func (h *Heard) cohere(c any, i int) {
	h.add(at(c, "text"), 0, Text, i)
	h.add(at(c, "thinking"), 0, Thinking, i)
}

func (h *Heard) cohereEvent(v any) {
	m, i := at(v, "delta", "message"), number(at(v, "index"))
	h.add(at(m, "tool_plan"), 0, "plan", 0)
	h.cohere(at(m, "content"), i)
	h.call(at(m, "tool_calls"), 0, i)
	if at(v, "type") == "message-end" {
		h.Ended = true
		h.Failed, _ = at(v, "delta", "error").(string)
	}
}

// said is what an item of a response says, with the kind.
func said(item any) (kind Kind, text, name any) {
	name = at(item, "name")
	switch at(item, "type") {
	case "reasoning":
		return Thinking, at(item, "summary", 0, "text"), nil
	case "function_call":
		return Call, at(item, "arguments"), name
	case "mcp_call":
		return Remote, at(item, "arguments"), name
	case "custom_tool_call":
		return Custom, at(item, "input"), name
	case "code_interpreter_call":
		return Code, at(item, "code"), nil
	case "web_search_call":
		return Search, at(item, "action", "query"), nil
	}
	if at(item, "content", 0, "type") == "refusal" {
		return Refusal, at(item, "content", 0, "refusal"), nil
	}
	return Text, at(item, "content", 0, "text"), nil
}

func (h *Heard) output(response any) {
	each(at(response, "output"), func(i int, item any) {
		kind, text, name := said(item)
		h.add(text, 0, kind, i)
		h.add(name, 0, "name", i)
	})
}

// responses reads an event, and wants what repeats a text to be the text.
func (h *Heard) responses(v any) error {
	name, _ := at(v, "type").(string)
	i := number(at(v, "output_index"))
	same := func(kind Kind, text any) error {
		if s, _ := text.(string); s != h.Texts[fmt.Sprint(0, " ", kind, " ", i)] {
			return fmt.Errorf("%s repeats %q as %q", name, h.Texts[fmt.Sprint(0, " ", kind, " ", i)], s)
		}
		return nil
	}
	for kind, w := range word {
		switch name {
		case w.name + ".delta":
			h.add(at(v, "delta"), 0, kind, i)
		case w.name + ".done":
			return same(kind, at(v, w.whole))
		}
	}
	switch name {
	case "response.content_part.done", "response.reasoning_summary_part.done":
		kind, text, _ := said(map[string]any{"content": []any{at(v, "part")}})
		if strings.Contains(name, "summary") {
			kind = Thinking
		}
		return same(kind, text)
	case "response.output_item.done":
		kind, text, called := said(at(v, "item"))
		h.add(called, 0, "name", i)
		if kind == Search {
			h.add(text, 0, kind, i)
		}
		return same(kind, text)
	case "response.completed":
		h.Ended = true
		whole := &Heard{Texts: map[string]string{}}
		whole.output(at(v, "response"))
		if fmt.Sprint(whole.Texts) != fmt.Sprint(h.Texts) {
			return fmt.Errorf("the response repeats %v as %v", h.Texts, whole.Texts)
		}
	case "error":
		h.Failed, _ = at(v, "message").(string)
	}
	return nil
}
