package llmstub

func geminiUsage(u Usage) fields {
	in := u.Input + u.CacheRead
	return fields{
		"promptTokenCount", in, "candidatesTokenCount", u.Output - u.Thought, "totalTokenCount", in + u.Output,
		"cachedContentTokenCount", u.CacheRead, "thoughtsTokenCount", u.Thought,
		"promptTokensDetails", []any{fields{"modality", "TEXT", "tokenCount", in}},
	}
}

// geminiPart is a part, with a text in the place of its own.
func geminiPart(p Part, text string, last bool) fields {
	var out fields
	switch p.Kind {
	case Thinking:
		out = fields{"text", text, "thought", true}
	case Call:
		out = fields{"functionCall", fields{"id", p.ID, "name", p.Name, "args", parsed(text)}}
	case Code:
		out = fields{"executableCode", fields{"language", "PYTHON", "code", text}}
	case Text, Refusal, Custom, Remote, Search:
		out = fields{"text", text}
	}
	if last && p.Signature != "" {
		out = append(out, "thoughtSignature", p.Signature)
	}
	return out
}

func candidate(i int, parts []any, why string) fields {
	out := fields{"content", fields{"parts", parts, "role", "model"}}
	if why != "" {
		out = append(out, "finishReason", why)
	}
	return append(out, "index", i)
}

func geminiAnswer(r *Reply, candidates []any) fields {
	return fields{"candidates", candidates, "usageMetadata", geminiUsage(r.Usage), "modelVersion", model, "responseId", "stub"}
}

func wholeGemini(r *Reply) fields {
	var all []any
	for i, said := range r.Choices {
		parts := []any{}
		for _, p := range said {
			if Gemini.Has(p.Kind) {
				parts = append(parts, geminiPart(p, p.Text(), true))
			}
		}
		all = append(all, candidate(i, parts, "STOP"))
	}
	return geminiAnswer(r, all)
}

func streamGemini(r *Reply) []event {
	var all [][]event
	for i, said := range r.Choices {
		var lane []event
		tell := func(part fields, why string) {
			lane = append(lane, event{"", geminiAnswer(r, []any{candidate(i, []any{part}, why)})})
		}
		for _, p := range said {
			switch {
			case !Gemini.Has(p.Kind):
			case p.Kind == Call || p.Kind == Code: // come whole
				tell(geminiPart(p, p.Text(), true), "")
			default:
				for n, text := range p.Pieces {
					tell(geminiPart(p, text, n == len(p.Pieces)-1), "")
				}
			}
		}
		tell(fields{"text", ""}, "STOP")
		all = append(all, lane)
	}
	return lanes(r.Mix, all)
}
