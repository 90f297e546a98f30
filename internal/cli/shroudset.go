package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// shroudLimits are the fields of a shroud_config that `shroud set` sets, by flag.
type shroudLimits struct {
	numbers, lists map[string]*shroudField
	kept           string
}

// shroudField is one of them; within names the object that it is in, if it is in one.
type shroudField struct {
	within, name string
	number       string
	list         []string
}

func (l *shroudLimits) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	l.numbers, l.lists = map[string]*shroudField{}, map[string]*shroudField{}
	for _, n := range [][3]string{
		{"budget", "daily_budget_usd", "dollars that its calls may cost in a day"},
		{"per-minute", "max_requests_per_minute", "most calls in a minute"},
		{"per-day", "max_requests_per_day", "most calls in a day"},
		{"max-tokens", "max_tokens_per_request", "most tokens of an answer"},
		{"streams", "max_concurrent_streams", "most streams at a time"},
	} {
		l.numbers[n[0]] = &shroudField{name: n[1]}
		f.StringVar(&l.numbers[n[0]].number, n[0], "", n[2]+"; any: no limit of its own")
	}
	for _, n := range [][4]string{
		{"models", "", "allowed_models", "the models that it may call; any: every model"},
		{"deny-models", "", "denied_models", "models that it may not call; any: every model may be called"},
		{"providers", "", "allowed_providers", "the providers that it may call; any: every provider"},
		{"tools", "tool_call_inspection", "allowed_tools", "the tools that its models may call; an entry that ends in * is the beginning of names; any: every tool"},
		{"block-tools", "tool_call_inspection", "blocked_tools", "tools that its models may not call; any: every tool may be called"},
	} {
		l.lists[n[0]] = &shroudField{within: n[1], name: n[2]}
		f.StringSliceVar(&l.lists[n[0]].list, n[0], nil, n[3])
	}
	f.StringVar(&l.kept, "kept-context", "", "what becomes of calls that name text which the provider keeps: "+oneOf(keptActions)+"; off: it is not looked for")
}

// keptActions are what kept_context_detection does, and off.
var keptActions = []string{"block", "warn", "log", "off"}

// set puts what was given into a config.
func (l *shroudLimits) set(given func(flag string) bool, config map[string]any) error {
	for flag, n := range l.numbers {
		switch {
		case !given(flag):
		case n.number == "any":
			delete(config, n.name)
		case !json.Valid([]byte(n.number)) || strings.Trim(n.number, "0123456789.") != "":
			return console.Usage("--" + flag + " takes a number, or any.")
		default:
			config[n.name] = json.Number(n.number)
		}
	}
	for flag, n := range l.lists {
		if !given(flag) {
			continue
		}
		in := config
		if n.within != "" {
			in, _ = config[n.within].(map[string]any)
			if in == nil {
				in = map[string]any{}
				config[n.within] = in
			}
		}
		if delete(in, n.name); !lifts(n.list) {
			in[n.name] = n.list
		}
	}
	switch {
	case !given("kept-context"):
	case !slices.Contains(keptActions, l.kept):
		return console.Usage("--kept-context is " + oneOf(keptActions) + ".")
	case l.kept == "off":
		config["kept_context_detection"] = map[string]any{"enabled": false}
	default:
		config["kept_context_detection"] = map[string]any{"enabled": true, "action": l.kept}
	}
	return nil
}

func (c *cli) shroudSet() *cobra.Command {
	var l shroudLimits
	cmd := &cobra.Command{
		Use:   "set AGENT",
		Short: "Set what an agent may use of language models: budget, calls, models and tools",
		Long: `Set what an agent may use of language models through Shroud: budget, calls, models and tools,
and text that the provider keeps. What is not given stays, and "any" lifts a limit. See what is set with ` + "`oneclaw agent get AGENT`" + `.`,
		Example: `  oneclaw shroud set builder --budget 5 --models gpt-4o,claude-opus-5
  oneclaw shroud set builder --tools 'read_*',weather --per-minute any
  oneclaw shroud set builder --kept-context block`,
		Args: args("AGENT"),
	}
	l.flags(cmd)
	cmd.RunE = withChange(c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
		agent, err := reconfigure(ctx, cl, a[0], client.AgentUpdate{}, func(config map[string]any) error { return l.set(cmd.Flags().Changed, config) })
		if err != nil {
			return err
		}
		if !agent.ShroudEnabled {
			c.Warn("It may not call models yet: " + console.Quote("oneclaw shroud preset "+a[0]+" balanced") + " lets it.")
		}
		return c.did(agent, "Of %s holds now: %s", a[0], agent.ShroudConfig)
	}))
	return c.mayAsk(cmd)
}

// reconfigure changes an agent's shroud_config, which the server replaces as a whole, with what
// else an update says.
func reconfigure(ctx context.Context, cl *client.Client, ref string, u client.AgentUpdate, change func(map[string]any) error) (*client.Agent, error) {
	id, err := agentID(ctx, cl, ref)
	if err != nil {
		return nil, err
	}
	agent, err := cl.Agent(ctx, id)
	if err != nil {
		return nil, err
	}
	var config map[string]any
	if len(agent.ShroudConfig) > 0 {
		d := json.NewDecoder(bytes.NewReader(agent.ShroudConfig))
		d.UseNumber()
		if err := d.Decode(&config); err != nil {
			return nil, err
		}
	}
	if config == nil { // it has none
		config = map[string]any{}
	}
	if err := change(config); err != nil {
		return nil, err
	}
	if u.ShroudConfig, err = json.Marshal(config); err != nil {
		return nil, err
	}
	return cl.UpdateAgent(ctx, id, u)
}

// warnOfNoProvider says that an agent has no key of a provider to call models with, as far as
// the caller may know.
func (c *cli) warnOfNoProvider(ctx context.Context, cl *client.Client, id, name string) {
	all, err := cl.AgentAccess(ctx, id, client.AccessQuery{})
	if err != nil {
		return // who may not ask can't be told
	}
	for _, v := range all.Vaults {
		if v.Truncated {
			return // it may be among the rest
		}
		for _, s := range v.Secrets {
			if strings.HasPrefix(s.Path, "providers/") && strings.HasSuffix(s.Path, "/api-key") {
				return
			}
		}
	}
	c.Warn("It can use no provider's key that you may see. Store one, also for a local server that asks for none: " + console.Quote("oneclaw secret set providers/openai/api-key") +
		". Then let it use that: " + console.Quote("oneclaw policy create --agent "+name+" --path 'providers/*/api-key' --permissions use") + ".")
}
