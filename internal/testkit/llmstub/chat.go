package llmstub

import "strings"

var chatHead = fields{"id", "chatcmpl-stub", "object", "chat.completion", "created", 1790000000, "model", model}

func chatUsage(u Usage) fields {
	in := u.Input + u.CacheRead
	return fields{
		"prompt_tokens", in, "completion_tokens", u.Output, "total_tokens", in + u.Output,
		"prompt_tokens_details", fields{"cached_tokens", u.CacheRead, "audio_tokens", 0},
		"completion_tokens_details", fields{"reasoning_tokens", u.Thought, "audio_tokens", 0, "accepted_prediction_tokens", 0, "rejected_prediction_tokens", 0},
	}
}

// finish is why a choice ended.
func finish(parts []Part, called, else_ string) string {
	for _, p := range parts {
		if p.Kind == Call || p.Kind == Custom {
			return called
		}
	}
	return else_
}

// chatCall is a call of a tool with a text in the place of its arguments.
func chatCall(p Part, text string) fields {
	if p.Kind == Custom {
		return fields{"id", p.ID, "type", "custom", "custom", fields{"name", p.Name, "input", text}}
	}
	return fields{"id", p.ID, "type", "function", "function", fields{"name", p.Name, "arguments", text}}
}

func thought(text string) []any {
	return []any{fields{"type", "thinking", "thinking", []any{fields{"type", "text", "text", text}}}}
}

func logprobs(r *Reply, text string) any {
	if !r.Logprobs {
		return nil
	}
	var bytes []any
	for _, b := range []byte(text) {
		bytes = append(bytes, int(b))
	}
	return fields{"content", []any{fields{"token", text, "logprob", -0.25, "bytes", bytes, "top_logprobs", []any{}}}, "refusal", nil}
}

func wholeChat(d Dialect, r *Reply) fields {
	var choices []any
	for i, parts := range r.Choices {
		var text, thoughts, refusal strings.Builder
		var calls []any
		for _, p := range parts {
			switch {
			case !d.Has(p.Kind):
			case p.Kind == Text:
				text.WriteString(p.Text())
			case p.Kind == Thinking:
				thoughts.WriteString(p.Text())
			case p.Kind == Refusal:
				refusal.WriteString(p.Text())
			default:
				calls = append(calls, chatCall(p, p.Text()))
			}
		}
		if d == Completions {
			choices = append(choices, fields{"text", text.String(), "index", i, "logprobs", nil, "finish_reason", "stop"})
			continue
		}
		m := fields{"role", "assistant", "content", some(text.String())}
		switch {
		case d == Chat:
			m = append(m, "refusal", some(refusal.String()), "annotations", []any{})
			if thoughts.Len() > 0 {
				m = append(m, "reasoning_content", thoughts.String())
			}
		case thoughts.Len() > 0:
			m[3] = append(thought(thoughts.String()), fields{"type", "text", "text", text.String()})
		}
		if calls != nil {
			m = append(m, "tool_calls", calls)
		}
		choices = append(choices, fields{"index", i, "message", m, "logprobs", logprobs(r, text.String()), "finish_reason", finish(parts, "tool_calls", "stop")})
	}
	out := append(chatHead[:8:8], "choices", choices, "usage", chatUsage(r.Usage))
	if d == Chat {
		out = append(out, "service_tier", "default", "system_fingerprint", "fp_stub")
	}
	return out
}

// some is a text, or nothing where it is empty.
func some(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func streamChat(d Dialect, r *Reply, asked bool) []event {
	chunk := func(choices []any, usage any) event {
		out := append(fields{"id", "chatcmpl-stub", "object", "chat.completion.chunk", "created", 1790000000, "model", model}, "choices", choices)
		if usage != nil || asked && d == Chat {
			out = append(out, "usage", usage)
		}
		return event{"", out}
	}
	var each any
	if r.UsageAt == Each {
		each = chatUsage(r.Usage)
	}
	choice := func(i int, delta any, text string, why any) event {
		usage := each
		if why != nil && (r.UsageAt == Late || d == Mistral) && r.UsageAt != Never {
			usage = chatUsage(r.Usage)
		}
		if d == Completions {
			return chunk([]any{fields{"text", text, "index", i, "logprobs", nil, "finish_reason", why}}, usage)
		}
		return chunk([]any{fields{"index", i, "delta", delta, "logprobs", logprobs(r, text), "finish_reason", why}}, usage)
	}
	var all [][]event
	for i, parts := range r.Choices {
		var in [][]event
		calls := 0
		for _, p := range parts {
			if !d.Has(p.Kind) {
				continue
			}
			var lane []event
			for n, text := range p.Pieces {
				delta := fields{"content", text}
				switch p.Kind {
				case Thinking:
					delta = fields{"reasoning_content", text}
					if d == Mistral {
						delta = fields{"content", thought(text)}
					}
				case Refusal:
					delta = fields{"refusal", text}
				case Call, Custom:
					delta = fields{"tool_calls", []any{chatPiece(d, p, calls, n, text)}}
				case Text, Remote, Code, Search:
				}
				lane = append(lane, choice(i, delta, text, nil))
			}
			if p.Kind == Call || p.Kind == Custom {
				calls++
			}
			in = append(in, lane)
		}
		var lane []event
		if d != Completions {
			lane = append(lane, choice(i, fields{"role", "assistant", "content", ""}, "", nil))
		}
		all = append(all, append(append(lane, lanes(r.Mix, in)...), choice(i, fields{}, "", finish(parts, "tool_calls", "stop"))))
	}
	out := lanes(r.Mix, all)
	if asked && r.UsageAt == Asked && d != Mistral {
		out = append(out, chunk([]any{}, chatUsage(r.Usage)))
	}
	return out
}

// chatPiece is the piece number n of a call: the first has its name.
func chatPiece(d Dialect, p Part, index, n int, text string) fields {
	if d == Mistral {
		out := chatCall(p, text)
		if n > 0 {
			out[1], out[5].(fields)[1] = "null", ""
		}
		return append(out, "index", index)
	}
	if n == 0 {
		return append(fields{"index", index}, chatCall(p, text)...)
	}
	if p.Kind == Custom {
		return fields{"index", index, "custom", fields{"input", text}}
	}
	return fields{"index", index, "function", fields{"arguments", text}}
}

// embeddings are two vectors, as numbers or in base64.
func embeddings(base64 bool) fields {
	vector := func(i int) fields {
		if base64 {
			return fields{"object", "embedding", "index", i, "embedding", "AACAPgAAAL8AAEA/"}
		}
		return fields{"object", "embedding", "index", i, "embedding", []any{0.25, -0.5, 0.75}}
	}
	return fields{"object", "list", "data", []any{vector(0), vector(1)}, "model", model, "usage", fields{"prompt_tokens", 5, "total_tokens", 5}}
}
