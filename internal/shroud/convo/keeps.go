package convo

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// keeping are keys that name what a provider keeps, without case, lines and dashes, since servers read
// some in several spellings.
var keeping = map[string]string{
	"previousresponseid": "previous_response_id", "conversation": "conversation", "conversationid": "conversation", "cachedcontent": "cached_content",
	"fileid": "file_id", "fileids": "file_id", "fileuri": "file_id", "vectorstoreids": "vector_store", "filesearchstorenames": "vector_store",
	"libraryids": "vector_store", "collectionids": "vector_store", "threadid": "conversation",
	"container": "container", "containerid": "container", "skillid": "skill",
}

// free are keys whose values have keys of anybody's: what tools take, answer and are called with.
var free = map[string]bool{
	"parameters": true, "input_schema": true, "inputSchema": true, "parametersJsonSchema": true, "parameters_json_schema": true, "schema": true, "json_schema": true,
	"responseSchema": true, "response_schema": true, "responseJsonSchema": true, "response_json_schema": true, "properties": true,
	"args": true, "arguments": true, "metadata": true, "documents": true,
}

// keeps finds what a request names of what the provider keeps: text that the model reads, and that does
// not pass here with it.
func (r *Request) keeps(root doc.Node) {
	for c := range root.Get("input").Children() { // OpenAI's Responses take an item by its id alone
		if c.Is('{') && c.Get("id").There() && !c.Get("type").Is('"') && !c.Get("role").There() && !c.Get("content").There() {
			r.keep("item_reference")
		}
	}
	r.within(root, "")
	for _, what := range r.Keeps { // a picture of Google's is told of among these, and its length is bounded
		if what != "file_id" {
			r.Fetched.unbounded(what)
		}
	}
}

// ids are keys of ids that a provider or a client made, which no rule may change. A known value in the
// place of one is none.
var ids = map[string]bool{
	"id": true, "call_id": true, "tool_call_id": true, "tool_use_id": true, "toolCallId": true, "item_id": true, "previous_response_id": true, "response_id": true,
	"responseId": true, "generation_id": true, "system_fingerprint": true, "file_id": true,
}

// within finds it in a value of a kind. Ids on the way are parts.
func (r *Request) within(n doc.Node, kind string) {
	if kind == "item_reference" {
		r.keep(kind)
	}
	for c := range n.Children() {
		name := c.Name()
		if ids[name] && c.Is('"') && word(c) {
			r.Parts = append(r.Parts, Part{Role: System, Kind: ID, Text: c.Text(), at: doc.Edit{At: c}})
		}
		spelled := spelling(name)
		what := keeping[spelled]
		if n.Is('{') && !free[name] {
			r.fetch(n, c, spelled)
		}
		switch {
		case !n.Is('{'):
			r.within(c, c.Get("type").Text())
		case free[name],
			name == "input" && (strings.HasSuffix(kind, "_use") || strings.HasSuffix(kind, "_call")),
			name == "response" && n.Get("name").There(): // what a function of Gemini's answered
		case name == "audio" && c.Get("id").There(): // what the model said before
			r.keep(name)
		case what == "":
			r.within(c, c.Get("type").Text())
		case what == "container" && c.Is('{'): // one that is made for the call has no id
			if c.Get("id").There() {
				r.keep(what)
			}
			r.within(c, "")
		case c.Is('n'), c.Is('"') && c.Text() == "", c.Is('[') && length(c) == 0:
		default:
			r.keep(what)
			if what == "file_id" && (spelled != "fileuri" || !pictured(n)) {
				r.Fetched.unbounded(what)
			}
		}
	}
}

func (r *Request) keep(what string) {
	r.Media++ // nobody knows how long it is
	if !slices.Contains(r.Keeps, what) {
		r.Keeps = append(r.Keeps, what)
	}
}

func spelling(name string) string {
	if len(name) > longWord {
		return ""
	}
	return strings.Map(func(c rune) rune {
		if c == '_' || c == '-' {
			return -1
		}
		return c
	}, strings.ToLower(name))
}
