package cli

import (
	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

// services are what binding.Services knows, as the client has it.
func services() map[string][]client.Binding {
	out := map[string][]client.Binding{}
	for name, list := range binding.Services() {
		for i := range list {
			b := &list[i] // of the few fields that services have
			out[name] = append(out[name], client.Binding{Hosts: b.Hosts, Methods: b.Methods, Paths: b.Paths, In: string(b.In), User: b.User})
		}
	}
	return out
}

// merged are the bindings of a service, with what was given in its place. A place that was given
// makes one binding of them.
func merged(known []client.Binding, given client.Binding) []client.Binding {
	if given.In != "" {
		known = known[:1]
		known[0].In, known[0].User = given.In, ""
	}
	for i := range known {
		k := &known[i]
		for _, l := range []struct{ from, to *[]string }{{&given.Hosts, &k.Hosts}, {&given.Methods, &k.Methods}, {&given.Paths, &k.Paths}, {&given.HostKeys, &k.HostKeys}, {&given.Namespaces, &k.Namespaces}} {
			if len(*l.from) > 0 {
				*l.to = *l.from
			}
		}
		for _, t := range []struct{ from, to *string }{{&given.User, &k.User}, {&given.Region, &k.Region}, {&given.Service, &k.Service}, {&given.Header, &k.Header}, {&given.TokenURL, &k.TokenURL}, {&given.Scope, &k.Scope}, {&given.TokenAuth, &k.TokenAuth}} {
			if *t.from != "" {
				*t.to = *t.from
			}
		}
		if given.User != "" && k.In != "basic" {
			k.User = "" // other places have none
		}
		k.AnswerCredentials = given.AnswerCredentials
	}
	return known
}
