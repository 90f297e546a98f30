package cli

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) agentGuard() *cobra.Command {
	var set, try string
	cmd := &cobra.Command{
		Use:   "guard NAME|ID",
		Short: "Show what an agent may have signed, in plain words, or change or try it",
		Long: `Show the rules that bound an agent's transactions and signatures, in plain words.

--set replaces those beside the limits of ` + "`oneclaw agent update`" + ` by a JSON object, such as
{"approval":{"require_above_native":"100000000000000000"},"max_per_day":20} (wei); {} takes them away.
--try says what they would make of a transaction: a JSON object with to, value and chain,
and data if there is any. Nothing is signed. The file - is stdin.`,
		Example: `  oneclaw agent guard payer
  oneclaw agent guard payer --set rules.json
  echo '{"to":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8","value":"2","chain":"base"}' | oneclaw agent guard payer --try -`,
		Args: args("NAME|ID"),
	}
	cmd.RunE = c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
		id, err := c.theAgent(ctx, cl, a[0]) // an agent sees its own rules, and no list of agents
		if err != nil {
			return err
		}
		if set != "" && try != "" {
			return console.Usage("Give --set or --try, not both.")
		}
		if try != "" {
			return c.tryGuard(ctx, cl, id, try)
		}
		if set == "" {
			g, err := cl.Guard(ctx, id)
			return c.printGuard(g, err)
		}
		rules, err := c.readObject("--set", set)
		if err != nil {
			return err
		}
		before, err := cl.Guard(ctx, id)
		if err != nil {
			return err
		}
		g, err := cl.SetGuard(ctx, id, rules)
		if err != nil {
			return err
		}
		if gone := goneRules(before.Rules, g.Rules); len(gone) > 0 {
			c.Warn("--set replaces all rules. These are not in the file, and hold no more: " + strings.Join(gone, ", ") + ".")
		}
		return c.printGuard(g, nil)
	})
	cmd.Flags().StringVar(&set, "set", "", "file with the rules (- for stdin)")
	cmd.Flags().StringVar(&try, "try", "", "file with a transaction (- for stdin)")
	return c.mayAsk(cmd)
}

// goneRules are the names of rules that others do not have, also those about approvals.
func goneRules(was, is json.RawMessage) (gone []string) {
	var before, after map[string]json.RawMessage
	if json.Unmarshal(was, &before) != nil || json.Unmarshal(is, &after) != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if now, ok := after[name]; !ok {
			gone = append(gone, name)
		} else {
			for _, inner := range goneRules(before[name], now) {
				gone = append(gone, name+"."+inner)
			}
		}
	}
	return gone
}

func (c *cli) tryGuard(ctx context.Context, cl *client.Client, id, file string) error {
	tx, err := c.readObject("--try", file)
	if err != nil {
		return err
	}
	v, err := cl.TryGuard(ctx, id, tx)
	if err != nil {
		return err
	}
	allowed := console.YesNo(v.Allowed)
	if v.Allowed && len(v.NeedsApproval) > 0 {
		allowed = "once a human approves it"
	}
	fields := []field{{"Allowed", allowed}, {"Rule", v.Rule}, {"Denial", v.Denial}, {"Calls", v.Function}}
	for _, why := range v.NeedsApproval {
		if _, words, named := strings.Cut(why, ": "); named { // before it is the rule's name in the API
			why = words
		}
		fields = append(fields, field{"Asks because", console.Capital(why)})
	}
	for _, e := range v.Effects {
		fields = append(fields, field{"Effect", effect(e)})
	}
	if err := c.show(v, fields...); err != nil {
		return err
	}
	if !v.Allowed {
		return fault.New(fault.Denied, "guard_denies", "The rules refuse this transaction.")
	}
	return nil
}

// effect says in words what the server writes as kind, token, recipient and amount.
func effect(e string) string {
	parts := strings.Split(e, ":")
	if len(parts) != 4 {
		return e
	}
	kind, token, to, amount := plain(parts[0]), parts[1], parts[2], parts[3]
	switch {
	case token == "native" && amount != "unlimited":
		return "pays " + inCoin(amount) + " of the chain's coin to " + to
	case token == "native":
		token = "the chain's coin"
	default:
		token = "the token " + token + " (in its smallest unit)"
	}
	return kind + ": " + amount + " of " + token + " to " + to
}

// readObject reads the JSON object of a file that a flag names.
func (c *cli) readObject(flag, file string) (json.RawMessage, error) {
	text, err := c.readLine(file)
	if err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil || object == nil {
		return nil, console.Usage(flag + " takes a file with a JSON object.")
	}
	return json.RawMessage(text), nil
}

func (c *cli) printGuard(g *client.Guard, err error) error {
	if err != nil {
		return err
	}
	if c.JSON {
		return c.PrintJSON(g)
	}
	words := g.Words
	if len(words) == 0 {
		words = []string{"No rule bounds what it pays."}
	}
	if g.Held {
		words = append(words, "An owner or admin set these rules: only such a person changes them.")
	}
	for i, w := range words {
		words[i] = c.WrapFor(c.Stdout, console.Clean(w), "  ")
	}
	return console.Write(c.Stdout, []byte(strings.Join(words, "\n")+"\n"))
}
