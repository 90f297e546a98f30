package binding

import (
	"slices"
	"strings"
)

// Services are where the keys of known services are used: every host and place that their own tools use.
func Services() map[string][]Binding {
	return map[string][]Binding{
		"anthropic": {
			{Hosts: []string{"api.anthropic.com"}, In: "header:X-Api-Key"},
			{Hosts: []string{"api.anthropic.com"}, In: "bearer"},
		},
		"aws":        {{Hosts: []string{"*.amazonaws.com"}, In: "sigv4"}},
		"cloudflare": {{Hosts: []string{"api.cloudflare.com"}, Paths: []string{"/client/v4/**"}, In: "bearer"}},
		"docker-hub": {
			{Hosts: []string{"auth.docker.io"}, Paths: []string{"/token"}, In: "basic"},
			{Hosts: []string{"hub.docker.com"}, Methods: []string{"POST"}, Paths: []string{"/v2/users/login", "/v2/users/login/"}, In: "body:/password"},
			{Hosts: []string{"hub.docker.com"}, In: "bearer"},
		},
		"github": {
			{Hosts: []string{"api.github.com", "uploads.github.com", "raw.githubusercontent.com"}, In: "bearer"},
			{Hosts: []string{"github.com", "gist.github.com", "ghcr.io"}, In: "basic"},
		},
		"gitlab": {
			{Hosts: []string{"gitlab.com"}, Paths: []string{"/api/**"}, In: "header:Private-Token"},
			{Hosts: []string{"gitlab.com"}, Paths: []string{"/api/**"}, In: "bearer"},
			{Hosts: []string{"gitlab.com"}, In: "basic"},
		},
		"google": {
			{Hosts: []string{"generativelanguage.googleapis.com"}, In: "header:X-Goog-Api-Key"},
			{Hosts: []string{"generativelanguage.googleapis.com"}, In: "query:key"},
		},
		"linear": {{Hosts: []string{"api.linear.app"}, Paths: []string{"/graphql"}, In: "header:Authorization"}},
		"notion": {{Hosts: []string{"api.notion.com"}, Paths: []string{"/v1/**"}, In: "bearer"}},
		"npm":    {{Hosts: []string{"registry.npmjs.org"}, In: "bearer"}},
		"openai": {{Hosts: []string{"api.openai.com"}, Paths: []string{"/v1/**"}, In: "bearer"}},
		"pypi":   {{Hosts: []string{"upload.pypi.org"}, In: "basic", User: "__token__"}},
		"sentry": {{Hosts: []string{"sentry.io", "*.sentry.io"}, Paths: []string{"/api/**"}, In: "bearer"}},
		"slack": {
			{Hosts: []string{"slack.com"}, Paths: []string{"/api/**"}, In: "bearer"},
			{Hosts: []string{"files.slack.com"}, Methods: []string{"GET"}, In: "bearer"},
		},
		"stripe": {
			{Hosts: []string{"api.stripe.com", "files.stripe.com"}, Paths: []string{"/v1/**", "/v2/**"}, In: "bearer"},
			{Hosts: []string{"api.stripe.com", "files.stripe.com"}, Paths: []string{"/v1/**", "/v2/**"}, In: "basic"},
		},
	}
}

// Named is the hosts of bindings, each once, in order and with blanks: at most so many of them.
func Named(list []Binding, most int) string {
	var all []string
	for i := range list {
		all = append(all, list[i].Hosts...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return strings.Join(all[:min(len(all), most)], " ")
}
