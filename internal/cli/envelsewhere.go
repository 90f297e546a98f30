package cli

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// orElsewhere says of a variable that is not where it was looked for where it is: at other
// places of the vault, or else in other vaults that the caller sees. verb is the command
// that looked for it.
func orElsewhere(ctx context.Context, cl *client.Client, err error, verb, vault, key string, at client.EnvVarPlace) error {
	if !client.IsStatus(err, http.StatusNotFound) {
		return err
	}
	says := key + " is not set" + where([]string{cmp.Or(at.Environment, "all")}, at.GitBranch) + "."
	if at.Environment == "" || at.Environment == "all" {
		says = key + " is not set in all environments at once."
	}
	places := placesOf(ctx, cl, vault, verb, key, "")
	if len(places) == 0 {
		places = inOtherVaults(ctx, cl, vault, verb, key)
	}
	if len(places) == 0 {
		return fault.New(fault.NotFound, "env_var_not_found", says+" You may see no variable of this name anywhere: "+console.Quote("oneclaw env list")+" shows those that there are.")
	}
	return fault.New(fault.NotFound, "env_var_not_found", says+" It is set elsewhere: "+strings.Join(places, ", ")+".")
}

// placesOf are the commands that find the variable in a vault.
func placesOf(ctx context.Context, cl *client.Client, vault, verb, key, named string) (commands []string) {
	all, err := cl.EnvVars(ctx, vault)
	if err != nil {
		return nil // who may not list finds nothing
	}
	for _, v := range all {
		if v.Key != key {
			continue
		}
		s := "oneclaw env " + verb + " " + key
		if environment := strings.Join(v.Environments, ","); environment != "all" {
			s += " -e " + environment
		}
		if v.GitBranch != "" {
			s += " --branch " + word(v.GitBranch)
		}
		if named != "" {
			s += " --vault " + word(named)
		}
		commands = append(commands, console.Quote(s))
	}
	return commands
}

// inOtherVaults looks into as many other vaults as a person can be told of.
func inOtherVaults(ctx context.Context, cl *client.Client, but, verb, key string) (commands []string) {
	const most = 10
	all, err := cl.Vaults(ctx)
	if err != nil {
		return nil
	}
	for _, v := range all[:min(len(all), most)] {
		if v.ID != but && !strings.HasPrefix(v.Name, "__") {
			commands = append(commands, placesOf(ctx, cl, v.ID, verb, key, v.Name)...)
		}
	}
	return commands
}

// word is s as a shell takes it for one word.
func word(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@:-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
