package inspect

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
)

// Placed is which secrets of a request stand where a binding of them allows; see broker.Service.
type Placed func(*broker.Request) ([]broker.Placed, error)

// Restores has placeholders in the arguments of tools put back where placed allows.
func (s *Session) Restores(placed Placed) { s.placed = placed }

// sent is a request as tools that send one take it. A field more could say where it really goes.
type sent struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"query"`
	Params  map[string]string `json:"params"`
	Body    any               `json:"body"`
	JSON    any               `json:"json"`
	VaultID string            `json:"vault_id"`
	Timeout float64           `json:"timeout"`
}

// restored puts secrets back in calls of tools that send a request: where the request hid one, the model repeats its
// placeholder, and the secret's binding allows it in that place of that request. Whoever may read the secret gets what
// stood in its own request; another gets a reference to it, which http_request takes. Parts that were edited stay.
func (s *Session) restored(v *convo.View, edited []convo.Edit) (edits []convo.Edit) {
	if s.placed == nil || len(s.plain) == 0 {
		return nil
	}
	done := map[int]bool{}
	for _, e := range edited {
		done[e.Part] = true
	}
	for _, c := range v.Called(func(text string) bool { return s.hiddenIn(text) != "" }) {
		r, at, ok := s.request(&c)
		if !ok {
			continue
		}
		allowed, err := s.placed(r)
		if err != nil {
			continue // the placeholder stays
		}
		for _, p := range allowed {
			part, ok := c.Parts[at[string(p.In)]]
			if !ok {
				part, ok = c.Parts[pointerOf(p.In.Kind(), p.In.Name(), at)]
			}
			if !ok || done[part] {
				continue
			}
			label := p.Path
			if p.Field != "" {
				label += "#" + p.Field
			}
			place := redacted(label)
			text := v.Parts[part].Text
			value, hid := s.plain[place]
			if !hid || !strings.Contains(text, place) {
				continue
			}
			if !p.Shown {
				value = reference(label)
			}
			done[part] = true
			edits = append(edits, convo.Edit{Part: part, Text: strings.Replace(text, place, value, 1)})
		}
	}
	return edits
}

func reference(label string) string { return "{{secret:" + label + "}}" }

// hiddenIn is the first placeholder in a text that the request got for a secret, or "".
func (s *Session) hiddenIn(text string) string {
	for {
		from := strings.Index(text, "[REDACTED:")
		if from < 0 {
			return ""
		}
		text = text[from:]
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return ""
		}
		if _, ok := s.plain[text[:end+1]]; ok {
			return text[:end+1]
		}
		text = text[1:]
	}
}

// request is the request that a tool is to send, with references in the places of placeholders, and the pointers in the
// arguments of what it has in which places.
func (s *Session) request(c *convo.CalledWith) (r *broker.Request, at map[string]string, ok bool) {
	var in sent
	if json.Unmarshal(c.JSON, &in, json.RejectUnknownMembers(true)) != nil || in.URL == "" {
		return nil, nil, false
	}
	at = map[string]string{}
	r = &broker.Request{Method: strings.ToUpper(in.Method), URL: in.URL, Headers: map[string]string{}, Query: map[string]string{}, Vault: in.VaultID}
	for name, value := range in.Headers {
		r.Headers[name] = s.referred(value)
		at["header:"+http.CanonicalHeaderKey(name)] = "/headers/" + escaped(name)
	}
	for field, all := range map[string]map[string]string{"/query/": in.Query, "/params/": in.Params} {
		for name, value := range all {
			if _, twice := r.Query[name]; twice {
				return nil, nil, false
			}
			r.Query[name] = s.referred(value)
			at["query:"+name] = field + escaped(name)
		}
	}
	body, field := in.Body, "/body"
	if in.JSON != nil {
		if in.Body != nil {
			return nil, nil, false
		}
		body, field = in.JSON, "/json"
	}
	if body != nil {
		if text, is := body.(string); is && field == "/body" {
			r.Body = []byte(text) // it is sent as it is, and nothing is put into it
		} else {
			raw, err := json.Marshal(s.walked(body))
			if err != nil {
				return nil, nil, false
			}
			r.Body, r.JSON = raw, true
			at["body:"] = field
		}
	}
	if r.Method == "" {
		r.Method = http.MethodGet
		if r.Body != nil {
			r.Method = http.MethodPost
		}
	}
	return r, at, true
}

// pointerOf is where in the arguments a place of a body of JSON is.
func pointerOf(kind, name string, at map[string]string) string {
	field, ok := at["body:"]
	if kind != "body" || !ok {
		return "-" // none: pointers begin with a slash
	}
	return field + name
}

// walked is a value with references in the places of placeholders in its texts.
func (s *Session) walked(v any) any {
	switch v := v.(type) {
	case string:
		return s.referred(v)
	case []any:
		for i := range v {
			v[i] = s.walked(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = s.walked(v[name])
		}
	}
	return v
}

// referred is a text with references in the places of placeholders.
func (s *Session) referred(text string) string {
	for place := s.hiddenIn(text); place != ""; place = s.hiddenIn(text) {
		text = strings.ReplaceAll(text, place, reference(place[len("[REDACTED:"):len(place)-1]))
	}
	return text
}

func escaped(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
