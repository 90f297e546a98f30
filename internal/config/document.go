package config

import (
	"reflect"
	"strings"
)

// Setting is a variable as its documentation shows it.
type Setting struct {
	Name    string // ONECLAW_...
	Type    string // text, number, true or false, rate, or file for what is read from one
	Default string
	Doc     string
}

// Settings returns every variable that the server reads, in the order of Config.
func Settings() []Setting {
	var out []Setting
	for f := range reflect.TypeFor[Config]().Fields() {
		name, option, _ := strings.Cut(f.Tag.Get("env"), ",")
		if name == "" {
			continue
		}
		s := Setting{Name: prefix + name, Type: typeName(f.Type), Default: f.Tag.Get("envDefault"), Doc: f.Tag.Get("doc")}
		if option == "file" {
			s.Type = "file"
		}
		if f.Type.Kind() == reflect.Bool && s.Default == "" {
			s.Default = "false"
		}
		out = append(out, s)
	}
	return out
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Rate]():
		return "rate"
	case t == reflect.TypeFor[ChainRPC](), t == reflect.TypeFor[Upstreams]():
		return "JSON"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "number"
	}
	return "text"
}

// ClientSettings returns the variables of the commands that talk to a server.
// The server knows them too, since a shell that has them set may start it.
func ClientSettings() []Setting { return clientSettings[:] }

var clientSettings = [...]Setting{
	{"ONECLAW_BASE_URL", "text", "", "Address of the server. `oneclaw mcp` takes http://127.0.0.1:8210 without it; the other commands the address of the stored login, or of the `oneclaw dev` of this machine."},
	{"ONECLAW_API_URL", "text", "", "Another name of ONECLAW_BASE_URL, which comes first."},
	{"ONECLAW_TOKEN", "text", "", "A token to call the server with. It comes before ONECLAW_API_KEY, that before ONECLAW_AGENT_API_KEY, and that before a stored login."},
	{"ONECLAW_API_KEY", "text", "", "A user's API key (1ck_...)."},
	{"ONECLAW_AGENT_API_KEY", "text", "", "An agent's key (ocv_...). `oneclaw mcp` needs it."},
	{"ONECLAW_AGENT_TOKEN", "text", "", "A ready token of an agent, read by `oneclaw mcp` alone when there is no ONECLAW_AGENT_API_KEY."},
	{"ONECLAW_AGENT_ID", "text", "", "Not used: configurations written for 1Claw may hold it."},
	{"ONECLAW_VAULT_ID", "text", "", "The vault to work in. The command line takes a name too. Not needed where the caller sees one vault only."},
}
