package convo

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Fetched is what the model reads beside the texts of a request: the provider gets it elsewhere.
type Fetched struct {
	Unbounded []string // what nobody knows the length of: kinds, each once
	Uses      int64    // how often tools that the provider runs may be used
	Tokens    int64    // that all these uses bring at most
}

// useTokens is what one use of a tool of the provider's is taken to bring, where the request bounds
// how many there are and not how much each brings.
const useTokens = 8192

func (f *Fetched) unbounded(what string) {
	if !slices.Contains(f.Unbounded, what) {
		f.Unbounded = append(f.Unbounded, what)
	}
}

func (f *Fetched) uses(n, tokens int64) {
	f.Uses, f.Tokens = sum(f.Uses, n), sum(f.Tokens, times(n, tokens))
}

func sum(a, b int64) int64 {
	const most = 1 << 53
	return min(a+b, most)
}

// documents are keys, as keeping has them, of addresses from which a provider gets what is no picture.
var documents = map[string]bool{
	"fileurl": true, "documenturl": true, "videourl": true, "audiourl": true, "inputaudiourl": true, "pdfurl": true, "fileuri": true,
}

// address reports whether a value is an address, alone or in an object. What has its data within is none.
func address(n doc.Node) bool {
	if n.Is('{') {
		n = n.Get("url")
	}
	return n.Is('"') && n.Text() != "" && !strings.HasPrefix(strings.ToLower(n.Text()[:min(len(n.Text()), longWord)]), "data:")
}

// fetch notes what a field of a request has the provider get: a picture, which counts as one that is in
// the request, or what nobody knows the length of. name is spelled without case and lines.
func (r *Request) fetch(in, c doc.Node, name string) {
	switch {
	case name == "imageurl" && address(c):
		r.Media++
	case name == "filedata" && strings.HasPrefix(strings.ToLower(c.Text()[:min(len(c.Text()), 8)]), "http"):
		r.Fetched.unbounded("file_url")
	case name == "fileuri" && pictured(in):
	case documents[name] && address(c):
		r.Fetched.unbounded("file_url")
	case name == "source" && c.Is('{') && c.Get("type").Text() == "url":
		if in.Get("type").Text() == "image" {
			r.Media++
			return
		}
		r.Fetched.unbounded("file_url")
	}
}

// pictured reports whether Google is told that a file is a picture.
func pictured(n doc.Node) bool {
	return strings.HasPrefix(n.Get("mimeType").Text()+n.Get("mime_type").Text(), "image/")
}

// ours are kinds of tools that whoever called runs, by their names without a version.
var ours = map[string]bool{
	"": true, "function": true, "custom": true, "local_shell": true, "shell": true, "apply_patch": true, "bash": true, "text_editor": true,
	"memory": true, "computer": true, "computer_use": true, "computer_use_preview": true, "tool_search": true, "tool_search_tool_regex": true,
	"tool_search_tool_bm25": true,
}

// declared are keys of tools of Google's that whoever called runs.
var declared = map[string]bool{"functiondeclarations": true, "computeruse": true}

// googles are keys of tools that Google runs.
var googles = map[string]bool{
	"googlesearch": true, "googlesearchretrieval": true, "codeexecution": true, "urlcontext": true, "filesearch": true, "googlemaps": true,
	"enterprisewebsearch": true, "retrieval": true, "mcpservers": true, "parallelaisearch": true,
}

// served notes the tools that the provider runs: what they bring is read by the model.
func (r *Request) served(root doc.Node) {
	for c := range root.Children() {
		switch name := spelling(c.Name()); name {
		case "tools":
			each(c, func(n doc.Node) { r.servedBy(root, n) })
		case "mcpservers", "websearchoptions", "searchparameters", "connectors", "plugins":
			if !c.Is('n') && !c.Is('f') && (!c.Is('[') || length(c) > 0) {
				r.Fetched.unbounded(switches[name])
			}
		case "enablesearch", "websearch":
			if !c.Is('n') && !c.Is('f') {
				r.Fetched.unbounded(switches[name])
			}
		case "generatecontentrequest":
			r.served(c)
		}
	}
}

// servedBy notes one tool.
func (r *Request) servedBy(root, n doc.Node) {
	kind := undated(n.Get("type").Text())
	switch {
	case kind == "namespace":
		each(n.Get("tools"), func(n doc.Node) { r.servedBy(root, n) })
	case kind == "mcp" || kind == "mcp_toolset":
		r.Fetched.unbounded("mcp")
	case kind == "shell" && n.Get("environment").There() && n.Get("environment", "type").Text() != "local":
		r.Fetched.unbounded("shell")
	case kind != "" && !ours[kind]:
		r.bounded(root, n, kind)
	case kind == "":
		named := n.Get("name").There() || n.Get("function").There()
		for c := range n.Children() {
			if name := spelling(c.Name()); !c.Is('n') && !declared[name] && (!named || googles[name]) {
				r.Fetched.unbounded(served)
			}
		}
	}
}

// served is what is told of a tool whose kind is anybody's word.
const served = "a tool that the provider runs"

// bounded notes a tool of the provider's of which the request says how often it may be used.
func (r *Request) bounded(root, n doc.Node, kind string) {
	uses, ok := n.Get("max_uses").Int()
	if !ok {
		uses, ok = root.Get("max_tool_calls").Int()
	}
	tokens := int64(useTokens)
	if kind == "web_fetch" {
		var known bool
		if tokens, known = n.Get("max_content_tokens").Int(); !known {
			ok = false
		}
	}
	switch {
	case ok && uses >= 0 && tokens >= 0 && kind != "code_execution":
		r.Fetched.uses(uses, tokens)
	case kind == "web_search" || kind == "web_search_preview" || kind == "web_fetch" || kind == "file_search" || kind == "code_interpreter" || kind == "code_execution" || kind == "image_generation":
		r.Fetched.unbounded(kind)
	default:
		r.Fetched.unbounded(served)
	}
}

// switches are fields that switch a tool of the provider's on, by the kind of that.
var switches = map[string]string{
	"mcpservers": "mcp", "websearchoptions": "web_search", "searchparameters": "web_search", "connectors": "connectors", "plugins": "plugins",
	"enablesearch": "web_search", "websearch": "web_search",
}

// online reports whether a model's name has a router search the web for it.
func online(model string) bool {
	_, variants, _ := strings.Cut(strings.ToLower(model), ":")
	return slices.Contains(strings.Split(variants, ":"), "online")
}

// undated is a kind of tool without the date of its version, as web_search_20250305.
func undated(kind string) string {
	at := len(kind)
	for at > 0 && (kind[at-1] >= '0' && kind[at-1] <= '9' || kind[at-1] == '_') {
		at--
	}
	const date = len("_20250305")
	if len(kind)-at < date {
		return kind
	}
	return kind[:at]
}
