package convo

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Names are all that mean one tool, of which lists may have any.
type Names []string

// nobodys is a tool of a shape that nobody knows. The blank is on no list of allowed names.
var nobodys = Names{" "}

// same are kinds of tools that providers have under several names.
var same = [...]Names{
	{"web_search", "web_search_preview", "web_search_options"},
	{"computer", "computer_use", "computer_use_preview", "computerUse"},
	{"text_editor", "str_replace_based_edit_tool", "str_replace_editor"},
	{"mcp", "mcp_toolset", "mcp_servers", "mcpServers"},
}

// kindOf is a tool that is known by its kind: with and without the date of its version, in the spellings
// that servers take.
func kindOf(kind string) Names {
	out := Names{kind}
	add := func(names ...string) {
		for _, name := range names {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	base := undated(kind)
	add(base, lined(base), humped(base))
	for _, names := range same {
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(out, name) }) {
			add(names...)
		}
	}
	return out
}

// lined is a word such as codeExecution with lines: code_execution.
func lined(word string) string {
	var b strings.Builder
	for _, c := range []byte(word) {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// humped is a word such as code_execution without lines: codeExecution.
func humped(word string) string {
	var b strings.Builder
	up := false
	for _, c := range []byte(word) {
		if c == '_' {
			up = true
			continue
		}
		if up && c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		up = false
		b.WriteByte(c)
	}
	return b.String()
}

// offers finds the tools that a request switches on, wherever a provider takes them.
func (r *Request) offers(root doc.Node) {
	for c := range root.Children() {
		on := !c.Is('n') && !c.Is('f') && (!c.Is('[') || length(c) > 0)
		switch name := spelling(c.Name()); name {
		case "tools", "functions":
			r.offer(c)
		case "plugins":
			each(c, r.plugin)
		case "mcpservers", "websearchoptions", "searchparameters", "enablesearch", "websearch", "connectors":
			if on {
				r.Tools = append(r.Tools, kindOf(switches[name]))
			}
		case "input": // an item may bring tools: those that were found by a search
			for item := range c.Children() {
				if item.Get("type").Text() != "mcp_list_tools" {
					r.offer(item.Get("tools"))
				}
			}
		case "generatecontentrequest", "requests":
			each(c, r.offers)
		}
	}
}

// offer takes the value of tools: a list, or one alone, which Google's servers take too.
func (r *Request) offer(n doc.Node) {
	if n.There() && !n.Is('n') {
		each(n, r.tool)
	}
}

// tool finds all that one of the tools is. What is no function counts by its type, whatever its name.
func (r *Request) tool(n doc.Node) {
	had, kind := len(r.Tools), n.Get("type")
	if !n.Is('{') || kind.There() && !kind.Is('"') && !kind.Is('n') {
		r.Tools = append(r.Tools, nobodys)
		return
	}
	named := func(at ...string) bool {
		name := n.Get(at...)
		if name.There() {
			r.Tools = append(r.Tools, Names{name.Text()})
		}
		return name.There()
	}
	bare := false
	switch text := kind.Text(); text {
	case "namespace":
		r.offer(n.Get("tools"))
	case "", "function", "custom":
		function, custom, name := named("function", "name"), named("custom", "name"), named("name")
		bare = text == "" && !function && !custom && !name
	default:
		is := kindOf(text)
		r.Tools = append(r.Tools, is)
		if name := n.Get("name").Text(); name != "" && !slices.Contains(is, name) {
			r.Tools = append(r.Tools, Names{name})
		}
	}
	for c := range n.Children() {
		switch name := spelling(c.Name()); {
		case name == "functiondeclarations":
			each(c, func(n doc.Node) { r.Tools = append(r.Tools, Names{n.Get("name").Text()}) })
		case c.Is('n'):
		case googles[name], name == "computeruse", bare && name != "type":
			r.Tools = append(r.Tools, kindOf(c.Name()))
		}
	}
	if len(r.Tools) == had {
		r.Tools = append(r.Tools, nobodys)
	}
}

// plugin finds what a router is to do beside the model.
func (r *Request) plugin(n doc.Node) {
	id := n.Get("id").Text()
	switch {
	case n.Is('n'), n.Get("enabled").Is('f'):
	case id == "":
		r.Tools = append(r.Tools, nobodys)
	case id == "web":
		r.Tools = append(r.Tools, kindOf("web_search"))
	default:
		r.Tools = append(r.Tools, kindOf(id))
	}
}

// called notes a call of a tool that has no name: it is known by its kind.
func (w *walker) called(kind string) { w.Calls = append(w.Calls, kindOf(kind)) }
