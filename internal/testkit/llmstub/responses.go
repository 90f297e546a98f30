package llmstub

import (
	"strconv"
	"strings"
)

func responsesUsage(u Usage) fields {
	in := u.Input + u.CacheRead
	return fields{
		"input_tokens", in, "input_tokens_details", fields{"cached_tokens", u.CacheRead},
		"output_tokens", u.Output, "output_tokens_details", fields{"reasoning_tokens", u.Thought}, "total_tokens", in + u.Output,
	}
}

func response(r *Reply, status string, output []any) fields {
	var usage any
	if status == "completed" {
		usage = responsesUsage(r.Usage)
	}
	return fields{
		"id", "resp_stub", "object", "response", "created_at", 1790000000, "status", status, "background", false, "error", nil,
		"incomplete_details", nil, "instructions", nil, "max_output_tokens", nil, "model", model, "output", output,
		"parallel_tool_calls", true, "previous_response_id", nil, "reasoning", fields{"effort", "medium", "summary", "auto"}, "store", false,
		"temperature", 1, "text", fields{"format", fields{"type", "text"}}, "tool_choice", "auto", "tools", []any{}, "top_p", 1,
		"truncation", "disabled", "usage", usage, "metadata", fields{},
	}
}

func outputText(text string) fields {
	return fields{"type", "output_text", "text", text, "annotations", []any{}, "logprobs", []any{}}
}

func refusalPart(text string) fields { return fields{"type", "refusal", "refusal", text} }

func summary(text string) fields { return fields{"type", "summary_text", "text", text} }

// item is a part as an item of the output, with a text in the place of its own.
func item(i int, p Part, status, text string) fields {
	id := "item_" + strconv.Itoa(i)
	parts := []any{}
	switch p.Kind {
	case Thinking:
		if text != "" {
			parts = append(parts, summary(text))
		}
		return fields{"id", id, "type", "reasoning", "encrypted_content", some(p.Signature), "summary", parts}
	case Call:
		return fields{"id", id, "type", "function_call", "status", status, "arguments", text, "call_id", p.ID, "name", p.Name}
	case Custom:
		return fields{"id", id, "type", "custom_tool_call", "status", status, "call_id", p.ID, "input", text, "name", p.Name}
	case Remote:
		return fields{"id", id, "type", "mcp_call", "status", status, "approval_request_id", nil, "arguments", text, "error", nil, "name", p.Name, "output", nil, "server_label", "stub"}
	case Code:
		return fields{"id", id, "type", "code_interpreter_call", "status", status, "code", text, "container_id", "cntr_stub", "outputs", nil}
	case Search:
		return fields{"id", id, "type", "web_search_call", "status", status, "action", fields{"type", "search", "query", text}}
	case Text, Refusal:
	}
	switch {
	case text == "":
	case p.Kind == Refusal:
		parts = append(parts, refusalPart(text))
	default:
		parts = append(parts, outputText(text))
	}
	return fields{"id", id, "type", "message", "status", status, "content", parts, "role", "assistant"}
}

func items(r *Reply) []any {
	out := []any{}
	for i, p := range r.Choices[0] {
		out = append(out, item(i, p, "completed", p.Text()))
	}
	return out
}

// word is what an event of a part is called, and what its pieces are put beside.
var word = map[Kind]struct{ name, whole string }{
	Text: {"response.output_text", "text"}, Refusal: {"response.refusal", "refusal"}, Thinking: {"response.reasoning_summary_text", "text"},
	Call: {"response.function_call_arguments", "arguments"}, Custom: {"response.custom_tool_call_input", "input"},
	Remote: {"response.mcp_call_arguments", "arguments"}, Code: {"response.code_interpreter_call_code", "code"},
}

func streamResponses(r *Reply) []event {
	tell := func(name string, more ...any) event {
		return event{name, append(fields{"type", name}, more...)}
	}
	out := []event{
		tell("response.created", "response", response(r, "in_progress", []any{})),
		tell("response.in_progress", "response", response(r, "in_progress", []any{})),
	}
	var in [][]event
	for i, p := range r.Choices[0] {
		id := "item_" + strconv.Itoa(i)
		lane := []event{tell("response.output_item.added", "output_index", i, "item", item(i, p, "in_progress", ""))}
		at := []any{"item_id", id, "output_index", i}
		part, body := "", fields(nil)
		switch p.Kind {
		case Text:
			at, part, body = append(at, "content_index", 0), "response.content_part", outputText("")
		case Refusal:
			at, part, body = append(at, "content_index", 0), "response.content_part", refusalPart("")
		case Thinking:
			at, part, body = append(at, "summary_index", 0), "response.reasoning_summary_part", summary("")
		case Call, Custom, Remote, Code, Search:
		}
		at = at[:len(at):len(at)]
		if part != "" {
			lane = append(lane, tell(part+".added", append(at, "part", body)...))
		}
		if w, ok := word[p.Kind]; ok {
			for n, text := range p.Pieces {
				more := append(at, "delta", text)
				if p.Kind == Text {
					more = append(more, "logprobs", []any{})
				}
				if p.Kind == Text || p.Kind == Call {
					more = append(more, "obfuscation", strings.Repeat("x", n%5+1))
				}
				lane = append(lane, tell(w.name+".delta", more...))
			}
			lane = append(lane, tell(w.name+".done", append(at, w.whole, p.Text())...))
		}
		if part != "" {
			whole := append(fields(nil), body...)
			whole[3] = p.Text()
			lane = append(lane, tell(part+".done", append(at, "part", whole)...))
		}
		in = append(in, append(lane, tell("response.output_item.done", "output_index", i, "item", item(i, p, "completed", p.Text()))))
	}
	out = append(out, lanes(r.Mix, in)...)
	return append(out, tell("response.completed", "response", response(r, "completed", items(r))))
}
