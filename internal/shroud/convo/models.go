package convo

import (
	"maps"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// named are keys whose values are names of models.
var named = [...]string{"model", "models", "model_name", "modelName", "fallback", "fallbacks", "fallback_model", "fallback_models"}

// said are keys whose values are what is said, or the shape of it: a model that is spoken of
// there is not asked.
var said = map[string]bool{
	"messages": true, "contents": true, "content": true, "input": true, "system": true, "systemInstruction": true, "system_instruction": true,
	"instructions": true, "prompt": true, "suffix": true, "documents": true, "prediction": true, "metadata": true, "text": true,
	"response_format": true, "responseSchema": true, "response_schema": true, "responseJsonSchema": true, "response_json_schema": true,
	"function": true, "functions": true, "functionDeclarations": true, "function_declarations": true, "input_schema": true, "custom": true,
}

// elsewhere finds the other models that a request names, and whether the provider has been told
// to take what it keeps itself. A key of these in another case is refused. It notes what else the
// request takes of what the provider keeps.
func (r *Request) elsewhere(w *walker, root doc.Node) {
	r.keeps(root)
	r.Kept = strings.Contains(strings.ToLower(r.Model), "@preset/")
	for c := range root.Children() {
		for _, key := range append(named[:], "preset", "plugins") {
			if c.Name() != key && strings.EqualFold(c.Name(), key) {
				w.err = ErrSpelling
			}
		}
		had := len(r.Models)
		switch name := c.Name(); {
		case name == "preset":
			r.Kept = r.Kept || !c.Is('n')
		case name == "tools", name == "tool_choice":
			r.models(c)
		case isNamed(name):
			r.model(c)
			r.Instead = r.Instead || len(r.Models) > had
		case !said[name]:
			r.models(c)
			r.Instead = r.Instead || name == "plugins" && len(r.Models) > had
		}
	}
	r.served(root)
	r.offers(root)
	for _, p := range r.Parts {
		if p.Kind == ID {
			delete(w.words, p.Text)
		}
	}
	r.Words = slices.Sorted(maps.Keys(w.words))
	for _, name := range append([]string{r.Model}, r.Models...) {
		if online(name) {
			r.Fetched.unbounded("web_search")
			r.Tools = append(r.Tools, kindOf("web_search"))
		}
	}
}

// models finds names in what is no name itself.
func (r *Request) models(n doc.Node) {
	for c := range n.Children() {
		kind := n.Get("type").Text()
		switch name := c.Name(); {
		case n.Is('{') && isNamed(name):
			r.model(c)
		case said[name], name == "parameters" && (kind == "" || kind == "function"):
		default:
			r.models(c)
		}
	}
}

// model takes a name, several, or what has them within.
func (r *Request) model(n doc.Node) {
	switch {
	case n.Is('"'):
		name := n.Text()
		r.Kept = r.Kept || strings.Contains(strings.ToLower(name), "@preset/")
		if name != r.Model && name != "models/"+r.Model && !slices.Contains(r.Models, name) {
			r.Models = append(r.Models, name)
		}
	case n.Is('['):
		for c := range n.Children() {
			r.model(c)
		}
	default:
		r.models(n)
	}
}

func isNamed(name string) bool {
	return slices.ContainsFunc(named[:], func(key string) bool { return strings.EqualFold(key, name) })
}
