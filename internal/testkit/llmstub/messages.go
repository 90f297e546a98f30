package llmstub

// block is a part as a block of a message, with a text in the place of its own.
func block(p Part, text string) fields {
	switch p.Kind {
	case Thinking:
		if text == "" && p.Text() == "" {
			return fields{"type", "redacted_thinking", "data", p.Signature}
		}
		sign := ""
		if text != "" {
			sign = p.Signature
		}
		return fields{"type", "thinking", "thinking", text, "signature", sign}
	case Call, Remote:
		kind := "tool_use"
		if p.Kind == Remote {
			kind = "server_tool_use"
		}
		input := any(fields{})
		if text != "" {
			input = parsed(text)
		}
		return fields{"type", kind, "id", p.ID, "name", p.Name, "input", input, "caller", fields{"type", "direct"}}
	case Search:
		found := fields{"type", "web_search_result", "title", p.Name, "url", "https://example.com/" + p.ID, "encrypted_content", "RW5jcnlwdGVk", "page_age", nil}
		return fields{"type", "web_search_tool_result", "tool_use_id", p.ID, "content", []any{found}}
	case Text, Refusal, Custom, Code:
	}
	return fields{"type", "text", "text", text}
}

func blocks(r *Reply) []any {
	out := []any{}
	for _, p := range r.Choices[0] {
		if Messages.Has(p.Kind) {
			out = append(out, block(p, p.Text()))
		}
	}
	return out
}

func message(r *Reply, content []any) fields {
	return fields{
		"id", "msg_stub", "type", "message", "role", "assistant", "model", model, "content", content,
		"stop_reason", finish(r.Choices[0], "tool_use", "end_turn"), "stop_sequence", nil, "usage", messageUsage(r.Usage, r.Usage.Output),
	}
}

func messageUsage(u Usage, output int) fields {
	return fields{
		"input_tokens", u.Input, "cache_creation_input_tokens", u.CacheWrite, "cache_read_input_tokens", u.CacheRead,
		"cache_creation", fields{"ephemeral_5m_input_tokens", u.CacheWrite - u.CacheHour, "ephemeral_1h_input_tokens", u.CacheHour},
		"output_tokens", output, "service_tier", "standard",
	}
}

func streamMessages(r *Reply) []event {
	tell := func(name string, more ...any) event { return event{name, append(fields{"type", name}, more...)} }
	start := message(r, []any{})
	start[11], start[15] = nil, messageUsage(r.Usage, 1)
	out := []event{tell("message_start", "message", start), tell("ping")}
	var in [][]event
	for _, p := range r.Choices[0] {
		if !Messages.Has(p.Kind) {
			continue
		}
		i := len(in)
		lane := []event{tell("content_block_start", "index", i, "content_block", block(p, ""))}
		delta := func(kind, name string, v any) {
			lane = append(lane, tell("content_block_delta", "index", i, "delta", fields{"type", kind, name, v}))
		}
		for _, text := range p.Pieces {
			switch p.Kind {
			case Text:
				delta("text_delta", "text", text)
			case Thinking:
				delta("thinking_delta", "thinking", text)
			case Call, Remote:
				delta("input_json_delta", "partial_json", text)
			case Refusal, Custom, Code, Search:
			}
		}
		if p.Kind == Thinking && len(p.Pieces) > 0 {
			delta("signature_delta", "signature", p.Signature)
		}
		in = append(in, append(lane, tell("content_block_stop", "index", i)))
	}
	out = append(out, lanes(r.Mix, in)...)
	end := fields{"stop_reason", finish(r.Choices[0], "tool_use", "end_turn"), "stop_sequence", nil}
	return append(out, tell("message_delta", "delta", end, "usage", messageUsage(r.Usage, r.Usage.Output)), tell("message_stop"))
}
