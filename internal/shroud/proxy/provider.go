package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/translate"
)

// provider is who runs models.
type provider struct {
	name string
	base *url.URL
	auth func(h http.Header, key string)
	// dialect is how a path of the provider's is spoken, or nil where it has none.
	dialect func(path string) convo.Dialect
}

func bearer(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

// builtin are the providers' own addresses.
var builtin = map[string]string{
	"openai": "https://api.openai.com", "anthropic": "https://api.anthropic.com", "google": "https://generativelanguage.googleapis.com",
	"mistral": "https://api.mistral.ai", "cohere": "https://api.cohere.com", "openrouter": "https://openrouter.ai/api",
}

// providers are the known ones with the operator's addresses in the place of theirs, and
// those that the operator added, which speak as OpenAI does.
func providers(set map[string]string) map[string]*provider {
	out := map[string]*provider{}
	for name, base := range builtin {
		if other, ok := set[name]; ok {
			base = other
		}
		out[name] = newProvider(name, base)
	}
	for name, base := range set {
		if out[name] == nil {
			out[name] = newProvider(name, base)
		}
	}
	out["gemini"] = out["google"]
	return out
}

func newProvider(name, base string) *provider {
	u, err := url.Parse(base)
	if err != nil {
		u = &url.URL{} // the settings were checked; nothing is called there
	}
	p := &provider{name: name, base: u, auth: bearer, dialect: openAI}
	switch name {
	case "anthropic":
		p.auth = func(h http.Header, key string) { h.Set("X-Api-Key", key) }
		p.dialect = translated(anthropic)
	case "google":
		p.auth = func(h http.Header, key string) { h.Set("X-Goog-Api-Key", key) }
		p.dialect = translated(google)
	case "cohere":
		p.dialect = cohere
	}
	return p
}

func openAI(path string) convo.Dialect {
	switch path {
	case "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/moderations", "/v1/fim/completions":
		return convo.Chat{}
	case "/v1/responses":
		return convo.Responses{}
	case "/v1/messages", "/v1/messages/count_tokens": // routers speak it too
		return convo.Messages{}
	}
	return nil
}

// commonPath is the entry that every provider's models are called by.
const commonPath = "/v1/chat/completions"

// translated adds the common entry to a provider's own paths.
func translated(own func(string) convo.Dialect) func(string) convo.Dialect {
	return func(path string) convo.Dialect {
		if path == commonPath {
			return convo.Chat{}
		}
		return own(path)
	}
}

func anthropic(path string) convo.Dialect {
	if path == "/v1/messages" || path == "/v1/messages/count_tokens" {
		return convo.Messages{}
	}
	return nil
}

func google(path string) convo.Dialect {
	switch _, method, ok := convo.GeminiModel(path); {
	case path == "/v1beta/openai/chat/completions" || path == "/v1beta/openai/embeddings":
		return convo.Chat{}
	case !ok || !strings.HasPrefix(path, "/v1beta/models/") && !strings.HasPrefix(path, "/v1/models/"):
		return nil
	default:
		switch method {
		case "generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents":
			return convo.Gemini{}
		}
	}
	return nil
}

func cohere(path string) convo.Dialect {
	switch path {
	case "/v2/chat", "/v2/embed", "/v2/rerank":
		return convo.Cohere{}
	case "/compatibility/v1/chat/completions", "/compatibility/v1/embeddings":
		return convo.Chat{}
	}
	return nil
}

// spoken reports whether any provider has the path.
func spoken(path string) bool {
	return openAI(path) != nil || google(path) != nil || cohere(path) != nil
}

// routeOf is a path without what differs from call to call.
func routeOf(path string) string {
	if _, method, ok := convo.GeminiModel(path); ok {
		return "/v1beta/models/{model}:" + method
	}
	return path
}

// native is the provider whose path it is alone, or "".
func native(path string) string {
	switch {
	case path == "/v1/messages" || path == "/v1/messages/count_tokens":
		return "anthropic"
	case path == "/v1/responses":
		return "openai"
	case google(path) != nil:
		return "google"
	case cohere(path) != nil:
		return "cohere"
	}
	return ""
}

// address is where a call goes. A base that ends in the version of its paths has it once.
func (p *provider) address(path, query string) *url.URL {
	u := *p.base
	base := strings.TrimRight(u.Path, "/")
	for _, version := range [...]string{"/v1", "/v1beta"} {
		if strings.HasSuffix(base, version) && strings.HasPrefix(path, version+"/") {
			base = strings.TrimSuffix(base, version)
		}
	}
	u.Path, u.RawPath, u.RawQuery = base+path, "", query
	return &u
}

// common is what a path is called at a provider that has the common entry under another
// name (contract shroud.md, section 1).
func (p *provider) common(path string) string {
	switch {
	case path != commonPath && path != "/v1/embeddings":
	case p.name == "google" && path != commonPath:
		return "/v1beta/openai/embeddings"
	case p.name == "cohere":
		return "/compatibility" + path
	}
	return path
}

// own are headers that say something to this server alone, or about who called it.
var own = map[string]bool{
	"Authorization": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "Api-Key": true, "Cookie": true, "Host": true, "Content-Length": true,
	"Content-Encoding": true, "Accept-Encoding": true, "Expect": true, "Forwarded": true, "Via": true, "X-Real-Ip": true, "True-Client-Ip": true,
	"Cf-Connecting-Ip": true, "Cf-Connecting-Ipv6": true, "X-Client-Ip": true, "Client-Ip": true, "X-Cluster-Client-Ip": true, "Fastly-Client-Ip": true,
	"Fly-Client-Ip": true, "X-Envoy-External-Address": true, "X-Original-Forwarded-For": true, "X-Originating-Ip": true, "X-Remote-Ip": true, "X-Remote-Addr": true,
	"Origin": true, "Referer": true, "X-Payment": true, "X-Vault-Id": true,
}

// hop are headers of one connection (RFC 9110, 7.6.1).
var hop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Proxy-Authenticate": true, "Proxy-Authorization": true,
}

// outgoing are the headers of a request that a provider gets.
func outgoing(in http.Header) http.Header {
	out := http.Header{}
	drop := connection(in)
	for name, values := range in {
		if own[name] || hop[name] || drop[name] || strings.HasPrefix(name, "X-Shroud-") || strings.HasPrefix(name, "X-Forwarded-") {
			continue
		}
		out[name] = values
	}
	out.Set("Accept-Encoding", "identity")
	return out
}

// usual are values of headers that say nothing, whatever an agent's secrets may be.
var usual = map[string]bool{
	"application/json": true, "application/json; charset=utf-8": true, "text/event-stream": true, "application/json, text/event-stream": true, "*/*": true,
}

// beside are the headers that a provider gets, each with its values as they follow each other, and the
// query, as it is written and as it is read.
func (a *asked) beside() (headers, query []string) {
	for name, values := range outgoing(a.header) {
		if all := strings.Join(values, "\n"); !usual[strings.ToLower(all)] {
			headers = append(headers, strings.ToLower(name), name+": "+all) // a name has lost its case
		}
	}
	read, err := url.ParseQuery(a.query)
	if err != nil {
		return headers, []string{a.query}
	}
	for name, values := range read {
		query = append(query, name, strings.Join(values, "\n"))
	}
	return headers, append(query, a.query)
}

// abroad are the headers of a call that was made for OpenAI and goes to another provider.
func abroad(h http.Header, provider string) {
	for name := range h {
		if strings.HasPrefix(name, "Openai-") {
			h.Del(name)
		}
	}
	if provider == translate.Anthropic && h.Get("Anthropic-Version") == "" {
		h.Set("Anthropic-Version", "2023-06-01")
	}
}

// incoming are the headers of an answer that the caller gets. Those of this server stay.
func incoming(to, in http.Header) {
	drop := connection(in)
	for name, values := range in {
		switch {
		case hop[name] || drop[name] || strings.HasPrefix(name, "X-Shroud-"):
		case name == "Set-Cookie" || name == "Content-Length" || name == "Content-Encoding" || name == "Alt-Svc" || name == "Server" || name == "Date":
		case name == "Strict-Transport-Security" || name == "Cache-Control" || name == "X-Content-Type-Options":
		default:
			to[name] = values
		}
	}
}

// connection are the headers that a header Connection names.
func connection(h http.Header) map[string]bool {
	out := map[string]bool{}
	for _, line := range h.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			out[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return out
}
