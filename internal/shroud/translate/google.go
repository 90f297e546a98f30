package translate

import (
	"encoding/json"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// googleTakes are fields that generateContent has itself, or that are its own. Who asks
// changes nothing of the answer.
var googleTakes = words(`temperature top_p top_k seed presence_penalty frequency_penalty user safety_identifier extra_body`)

var googleNames = map[string]string{
	"temperature": "temperature", "top_p": "topP", "top_k": "topK", "seed": "seed",
	"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty",
}

// google writes a request for generateContent.
func (r *reader) google(a *ask) object {
	config := object{}
	for name, as := range googleNames {
		if n, ok := a.plain[name]; ok {
			config[as] = json.RawMessage(n.Raw())
		}
	}
	if a.limit > 0 {
		config["maxOutputTokens"] = a.limit
	}
	if a.choices != 1 {
		config["candidateCount"] = a.choices
	}
	if len(a.stop) > 0 {
		config["stopSequences"] = a.stop
	}
	if a.json {
		config["responseMimeType"] = "application/json"
	}
	if a.schema != nil {
		config["responseJsonSchema"] = a.schema
	}
	r.googleThinking(a, config)
	out := object{}
	if len(config) > 0 {
		out["generationConfig"] = config
	}
	r.googleTools(a, out)
	r.googleContents(a, out)
	return out
}

var (
	googleBudgets = map[string]int{"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
	googleLevels  = map[string]bool{"minimal": true, "low": true, "medium": true, "high": true}
)

// googleThinking says how much the model thinks: by a budget before Gemini 3.
func (r *reader) googleThinking(a *ask, config object) {
	if n, ok := a.plain["extra_body"]; ok {
		r.only("extra_body", n, "google")
		g := n.Get("google")
		r.only("extra_body.google", g, "thinking_config")
		if t := g.Get("thinking_config"); said(t) {
			config["thinkingConfig"] = json.RawMessage(t.Raw())
		}
	}
	if a.effort == "" {
		return
	}
	if _, own := config["thinkingConfig"]; own {
		r.refuse("reasoning_effort", "thinking_config says it already")
	}
	budget, known := googleBudgets[a.effort]
	switch {
	case strings.HasPrefix(a.model, "gemini-2") && known:
		config["thinkingConfig"] = object{"thinkingBudget": budget}
	case !strings.HasPrefix(a.model, "gemini-2") && googleLevels[a.effort]:
		config["thinkingConfig"] = object{"thinkingLevel": a.effort}
	default:
		r.refuse("reasoning_effort", "this model of google takes "+map[bool]string{true: "none, minimal, low, medium and high", false: "minimal, low, medium and high"}[strings.HasPrefix(a.model, "gemini-2")])
	}
}

func (r *reader) googleTools(a *ask, out object) {
	if len(a.tools) == 0 {
		if a.choice == "required" || a.choice == "named" {
			r.refuse("tool_choice", "there are no tools")
		}
		return
	}
	if a.serial && a.choice != "none" {
		r.lacks("parallel_tool_calls")
	}
	strict := false
	var list []object
	for _, t := range a.tools {
		to := object{"name": t.name}
		if t.description != "" {
			to["description"] = t.description
		}
		if t.schema != nil {
			to["parametersJsonSchema"] = t.schema
		}
		strict = strict || t.strict
		list = append(list, to)
	}
	out["tools"] = []object{{"functionDeclarations": list}}
	config := object{}
	switch a.choice {
	case "none":
		config["mode"] = "NONE"
	case "required":
		config["mode"] = "ANY"
	case "named":
		config["mode"], config["allowedFunctionNames"] = "ANY", []string{a.named}
	default:
		if strict { // in it calls keep to their schemas, as they do in ANY
			config["mode"] = "VALIDATED"
		}
	}
	if len(config) > 0 {
		out["toolConfig"] = object{"functionCallingConfig": config}
	}
}

// googleContents writes the conversation. The developer's words stand before it.
func (r *reader) googleContents(a *ask, out object) {
	var first, turns []object
	names := map[string]string{}
	last := system
	for _, m := range a.messages {
		var parts []object
		name := "user"
		switch m.role {
		case system:
			first = append(first, r.googleParts(m.parts, names)...)
			continue
		case user:
			parts = r.googleParts(m.parts, names)
		case assistant:
			name = "model"
			parts = r.googleSaid(&m, names)
		}
		if len(parts) == 0 {
			continue
		}
		if last == m.role {
			turn := turns[len(turns)-1]
			if was, ok := turn["parts"].([]object); ok {
				turn["parts"] = append(was, parts...)
			}
			continue
		}
		turns, last = append(turns, object{"role": name, "parts": parts}), m.role
	}
	if len(first) > 0 {
		out["systemInstruction"] = object{"parts": first}
	}
	if len(turns) == 0 {
		r.refuse("messages", "nobody says anything but the developer")
	}
	out["contents"] = turns
}

// googleParts writes parts of a message. names are those of the tools by their calls.
func (r *reader) googleParts(parts []part, names map[string]string) (out []object) {
	for _, p := range parts {
		switch {
		case p.result:
			name, ok := names[p.id]
			if !ok {
				r.refuse(p.place+".tool_call_id", "no call before it has this id")
			}
			to := object{"name": name, "response": object{"output": r.output(p.parts)}}
			googleID(to, p.id)
			out = append(out, object{"functionResponse": to})
		case p.url != "":
			to := object{"fileUri": p.url}
			if kind := imageType(p.url); kind != "" {
				to["mimeType"] = kind
			}
			out = append(out, object{"fileData": to})
		case p.data != "":
			out = append(out, object{"inlineData": object{"mimeType": p.mime, "data": p.data}})
		default:
			out = append(out, object{"text": p.text})
		}
	}
	return out
}

// imageType is what the end of an address says of an image.
func imageType(url string) string {
	path, _, _ := strings.Cut(url, "?")
	path = strings.ToLower(path[strings.LastIndexByte(path, '.')+1:])
	return map[string]string{"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "heic": "image/heic"}[path]
}

// output is what a tool answered: as JSON where it is an object or a list.
func (r *reader) output(parts []part) any {
	var text strings.Builder
	for _, p := range parts {
		if p.media() {
			r.lacks(p.place)
		}
		text.WriteString(p.text)
	}
	if d, err := doc.Parse([]byte(text.String())); err == nil && (d.Root().Is('{') || d.Root().Is('[')) {
		return json.RawMessage(d.Root().Raw())
	}
	return text.String()
}

// googleID names a call, unless the name was made here.
func googleID(to object, id string) {
	if !strings.HasPrefix(id, made) {
		to["id"] = id
	}
}

// googleSaid writes a message of the model's.
func (r *reader) googleSaid(m *message, names map[string]string) []object {
	out := r.googleParts(m.parts, names)
	if m.kept.signature != "" {
		if len(out) == 0 {
			out = append(out, object{"text": ""})
		}
		out[len(out)-1]["thoughtSignature"] = m.kept.signature
	}
	for _, c := range m.calls {
		names[c.id] = c.name
		call := object{"name": c.name, "args": c.args}
		googleID(call, c.id)
		to := object{"functionCall": call}
		if c.kept.signature != "" {
			to["thoughtSignature"] = c.kept.signature
		}
		out = append(out, to)
	}
	return out
}
