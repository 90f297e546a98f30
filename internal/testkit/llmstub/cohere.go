package llmstub

func cohereUsage(u Usage) fields {
	return fields{
		"billed_units", fields{"input_tokens", u.Input, "output_tokens", u.Output},
		"tokens", fields{"input_tokens", u.Input + 400, "output_tokens", u.Output + 10}, "cached_tokens", u.CacheRead,
	}
}

func cohereContent(k Kind, text string) fields {
	if k == Thinking {
		return fields{"type", "thinking", "thinking", text}
	}
	return fields{"type", "text", "text", text}
}

func wholeCohere(r *Reply) fields {
	m := fields{"role", "assistant"}
	var calls, content []any
	for _, p := range r.Choices[0] {
		switch {
		case !Cohere.Has(p.Kind):
		case p.Kind == Call:
			calls = append(calls, chatCall(p, p.Text()))
		default:
			content = append(content, cohereContent(p.Kind, p.Text()))
		}
	}
	if calls != nil {
		m = append(m, "tool_plan", "I will ask.", "tool_calls", calls)
	}
	if content != nil {
		m = append(m, "content", content)
	}
	return fields{"id", "stub", "finish_reason", finish(r.Choices[0], "TOOL_CALL", "COMPLETE"), "message", m, "usage", cohereUsage(r.Usage)}
}

func streamCohere(r *Reply) []event {
	tell := func(name string, more ...any) event { return event{name, append(fields{"type", name}, more...)} }
	said := func(more ...any) fields { return fields{"message", fields(more)} }
	out := []event{{"message-start", fields{
		"id", "stub", "type", "message-start",
		"delta", said("role", "assistant", "content", []any{}, "tool_plan", "", "tool_calls", []any{}, "citations", []any{}),
	}}}
	if finish(r.Choices[0], "TOOL_CALL", "") != "" {
		out = append(out, tell("tool-plan-delta", "delta", said("tool_plan", "I will ")), tell("tool-plan-delta", "delta", said("tool_plan", "ask.")))
	}
	var in [][]event
	content, calls := 0, 0
	for _, p := range r.Choices[0] {
		if !Cohere.Has(p.Kind) {
			continue
		}
		var lane []event
		if p.Kind == Call {
			lane = append(lane, tell("tool-call-start", "index", calls, "delta", said("tool_calls", chatCall(p, ""))))
			for _, text := range p.Pieces {
				lane = append(lane, tell("tool-call-delta", "index", calls, "delta", said("tool_calls", fields{"function", fields{"arguments", text}})))
			}
			in, calls = append(in, append(lane, tell("tool-call-end", "index", calls))), calls+1
			continue
		}
		lane = append(lane, tell("content-start", "index", content, "delta", said("content", cohereContent(p.Kind, ""))))
		for _, text := range p.Pieces {
			lane = append(lane, tell("content-delta", "index", content, "delta", said("content", cohereContent(p.Kind, text)[2:])))
		}
		in, content = append(in, append(lane, tell("content-end", "index", content))), content+1
	}
	out = append(out, lanes(r.Mix, in)...)
	end := fields{"finish_reason", finish(r.Choices[0], "TOOL_CALL", "COMPLETE"), "usage", cohereUsage(r.Usage)}
	return append(out, tell("message-end", "delta", end))
}
