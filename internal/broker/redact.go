package broker

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/envbundle"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// redactor takes values out of texts.
type redactor struct {
	set   *known.Set
	names *known.Set // of headers
	n     int        // how many were taken out
}

// redactor takes out what no answer may show.
func (p *Prepared) redactor() *redactor {
	values := longEnough(p.filled.all())
	return &redactor{set: p.together(values), names: p.names(values)}
}

// longEnough are the values that can be told from other text.
func longEnough(values []known.Value) (out []known.Value) {
	for _, v := range values {
		if binding.Size(v.Value.Reveal()) >= known.Shortest {
			out = append(out, v)
		}
	}
	return out
}

// mostParts is how many texts of one secret are looked for.
const mostParts = 64

// longest is how much of a text must be there before it is certain that no value begins at its
// start.
func (r *redactor) longest() int { return r.set.Longest() }

// text returns what of a text comes before a place, with every value that begins there taken out.
func (r *redactor) text(src string, before int) string {
	var out strings.Builder
	at := 0
	for _, m := range r.set.Find(src) {
		if m.Start >= before {
			break
		}
		out.WriteString(src[at:m.Start])
		out.WriteString("[REDACTED:" + m.Label + "]")
		r.n++
		at = m.End
	}
	if at < before {
		out.WriteString(src[at:min(before, len(src))])
	}
	return out.String()
}

// header returns the headers of an answer that are handed back.
func (r *redactor) header(in http.Header) map[string]string {
	out := map[string]string{}
	for name, values := range in {
		switch {
		case !shown(name):
		case known.Named(r.names, name):
			r.n++
		default:
			text := strings.Join(values, ", ")
			out[name] = r.text(text, len(text))
		}
	}
	return out
}

// parts are the texts of a secret that is JSON or an env_bundle: whoever gets the whole may answer
// with one of them.
func parts(label, secretType string, value secret.Bytes) (out []known.Value) {
	if secretType == envbundle.Type {
		all, _, _ := envbundle.Read(bytes.Clone(value.Reveal()))
		for _, v := range all {
			if binding.Size(v.Value) >= known.Shortest && len(out) < mostParts {
				out = append(out, known.Value{Label: label, Value: secret.New(v.Value)})
			}
		}
		return out
	}
	var all any
	if json.Unmarshal(value.Reveal(), &all) != nil {
		return nil
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if binding.Size([]byte(v)) >= known.Shortest && len(out) < mostParts {
				out = append(out, known.Value{Label: label, Value: secret.FromString(v)})
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(all)
	return out
}
