package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/envbundle"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// place is what a reference names.
type place struct{ vault, path, field string }

// placeOf finds the vault that a reference means: oneclaw://VAULT/PATH#FIELD, or PATH#FIELD in the
// vault that is used.
func (c *cli) placeOf(ctx context.Context, cl *client.Client, ref string) (p place, err error) {
	p.path = ref
	if rest, ok := strings.CutPrefix(ref, "oneclaw://"); ok {
		if p.vault, p.path, ok = strings.Cut(rest, "/"); !ok || p.vault == "" {
			return p, console.Usage("A reference is a path, or oneclaw://VAULT/PATH.")
		}
		ids, err := vaultIDs(ctx, cl, []string{p.vault})
		if err != nil {
			return p, err
		}
		p.vault = ids[0]
	} else if p.vault, err = c.theVault(ctx, cl); err != nil {
		return p, err
	}
	p.path, p.field, _ = strings.Cut(p.path, "#")
	return p, nil
}

// valueAt reads the value of a reference. Wipe it.
func (c *cli) valueAt(ctx context.Context, cl *client.Client, ref string) (client.Value, error) {
	p, err := c.placeOf(ctx, cl, ref)
	if err != nil {
		return client.Value{}, err
	}
	got, err := cl.GetSecret(ctx, p.vault, p.path)
	if err != nil {
		return client.Value{}, err
	}
	if p.field == "" {
		return got.Value, nil
	}
	defer got.Value.Wipe()
	if got.Type == envbundle.Type {
		if v, ok := envbundle.Value(got.Value.Reveal(), p.field); ok {
			return client.NewValue(slices.Clone(v)), nil
		}
		return client.Value{}, errNoField
	}
	all := map[string]json.RawMessage{}
	var text string
	if json.Unmarshal(got.Value.Reveal(), &all) != nil || json.Unmarshal(all[p.field], &text) != nil {
		return client.Value{}, errNoField
	}
	return client.ValueOf(text), nil
}

var errNoField = fault.New(fault.Conflict, "field_not_found", "The secret is no JSON object and no env_bundle with a text of that name.")

// bundleAt adds the variables of an env_bundle.
func (c *cli) bundleAt(ctx context.Context, cl *client.Client, ref string, to *client.ResolvedEnv) error {
	p, err := c.placeOf(ctx, cl, ref)
	if err != nil {
		return err
	}
	if p.field != "" {
		return console.Usage("--env-bundle takes all variables; for one of them use --env NAME=PATH#FIELD.")
	}
	got, err := cl.GetSecret(ctx, p.vault, p.path)
	if err != nil {
		return err
	}
	defer got.Value.Wipe()
	if got.Type != envbundle.Type {
		return fault.New(fault.Conflict, "no_env_bundle", "The secret is of another type than env_bundle: give it to a variable with --env NAME=REF.")
	}
	all, _, why := envbundle.Read(got.Value.Reveal())
	if why != "" {
		return fault.New(fault.Conflict, "bundle_not_readable", "The secret can't be read as lines KEY=VALUE: "+why+".")
	}
	for _, v := range all {
		value := client.NewValue(slices.Clone(v.Value))
		if err := holds(value); err != nil {
			return err
		}
		to.Vars[string(v.Key)] = value
	}
	return nil
}

// holds refuses what no environment variable holds.
func holds(v client.Value) error {
	if slices.Contains(v.Reveal(), 0) {
		return fault.New(fault.Invalid, "value_no_variable", "The secret has a zero byte, which no environment variable holds.")
	}
	return nil
}
