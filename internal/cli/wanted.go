package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// wantedStatuses are those of requests for secrets.
var wantedStatuses = [...]string{"waiting", "filled", "declined", "withdrawn", "expired", "ended"}

func (c *cli) wantedList() *cobra.Command {
	var status string
	var every bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the secrets that agents wait for and that you may give, newest first",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if status != "" && !slices.Contains(wantedStatuses[:], status) {
				return console.Usage("--status takes " + oneOf(wantedStatuses[:]) + ".")
			}
			if every && status != "" {
				return console.Usage("Give either --all or --status.")
			}
			none := "Nothing is asked for."
			if status == "" && !every {
				status, none = "waiting", "Nothing waits for an answer. --all shows what does not wait any more."
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			all, err := cl.SecretRequests(cmd.Context(), status)
			return list(c, "requests", all, err, []string{"ID", "STATUS", "PATH", "VAULT", "AGENT", "EXPIRES", "REASON"}, none, func(r client.SecretRequest) []string {
				vault := r.VaultName
				if vault == "" || !c.IsTTY(c.Stdout) {
					vault = r.VaultID
				}
				return []string{c.Short(r.ID), r.Status, r.Path, vault, r.AgentName, c.Maybe(&r.ExpiresAt, ""), r.Reason}
			})
		},
	}
	cmd.Flags().StringVar(&status, "status", "", strings.Join(wantedStatuses[:5], ", ")+" or ended (waiting)")
	cmd.Flags().BoolVar(&every, "all", false, "also those that do not wait any more")
	return c.wideFlag(cmd)
}

func (c *cli) wantedShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID|PATH",
		Short: "Show which agent lacks what, what for, and where you can give it",
		Args:  args("ID|PATH"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			r, err := theWanted(ctx, cl, a[0])
			if err != nil {
				return err
			}
			return c.printWanted(r)
		}),
	}
}

func (c *cli) wantedAsk() *cobra.Command {
	var ask client.SecretAsk
	var wait string
	cmd := &cobra.Command{
		Use:   "ask PATH",
		Short: "As an agent, ask people for a secret that you lack",
		Long: `As an agent (ONECLAW_AGENT_API_KEY), ask people for a secret that you lack. Those who
may write the path are told, and give the value on a page or with ` + "`oneclaw wanted fill`" + `.
Show shows whether they did. Policies say whether you may then use it.`,
		Args: args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if ask.Reason == "" {
				return console.Usage("Say what the secret is for, with --reason: a person reads it.")
			}
			if wait != "" {
				d, err := parseDuration(wait)
				if err != nil {
					return console.Usage("--for takes a time such as 2h or 3d.")
				}
				ask.ExpiresInSeconds = int64(d.Seconds())
			}
			cl, vault, err := c.atVault(cmd.Context())
			if err != nil {
				return err
			}
			ask.VaultID, ask.Path = vault, a[0]
			r, err := cl.RequestSecret(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return c.printWanted(r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&ask.Reason, "reason", "", "what it is for, for who gives it")
	f.StringVar(&ask.Service, "as", "", "a service that it is used with, as oneclaw bind --as knows it")
	f.StringVar(&ask.Host, "host", "", "a host that it is used at, for others")
	f.StringVar(&wait, "for", "", "how long it can be answered, from 5m to 7d (24h)")
	return cmd
}

func (c *cli) wantedFill() *cobra.Command {
	var g client.SecretGiven
	var b client.Binding
	var file, as string
	var exact bool
	names := slices.Sorted(maps.Keys(services()))
	cmd := &cobra.Command{
		Use:   "fill ID|PATH",
		Short: "Give a secret that an agent asked for",
		Long: `Give a secret that an agent asked for. It is stored at the path of the request, with
your right to write there, and the agent is not shown it by this: policies say whether it may
use or read what is there. --as or --host says, at once, where agents may use it without seeing
it, as ` + "`oneclaw bind`" + ` does. Without them a terminal shows what the agent suggests, and asks whether
to take it; elsewhere it is never taken. What is bound then is printed.

` + valueHelp,
		Example: `  oneclaw wanted fill api-keys/stripe --as stripe
  oneclaw wanted fill 018f2c5e --from-file key.pem --type private_key`,
		Args: args("ID|PATH"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if g.Type != "" && !slices.Contains(secretTypes[:], g.Type) {
				return console.Usage("--type takes " + oneOf(secretTypes[:]) + ".")
			}
			switch known, ok := services()[as]; {
			case as != "" && !ok:
				return console.Usage("--as takes " + oneOf(names) + ".")
			case as != "":
				g.Bindings = merged(known, b)
			case len(b.Hosts) > 0:
				g.Bindings = []client.Binding{b}
			case b.In != "":
				return console.Usage("--in goes with --host or --as.")
			}
			r, err := theWanted(ctx, cl, a[0])
			if err != nil {
				return err
			}
			if r.Status != "waiting" {
				return console.Usage("Nothing waits at " + console.Clean(r.Path) + ": the request is " + console.Clean(r.Status) + ". " + console.Quote("oneclaw secret set") + " stores a value there.")
			}
			v, err := c.ReadValue(ctx, file, "Value of "+console.Clean(r.Path)+", for the agent "+console.Clean(r.AgentName)+" (in its words: "+console.Sentence(r.Reason)+")", exact)
			if err != nil {
				return err
			}
			defer v.Wipe()
			if !utf8.Valid(v.Reveal()) {
				return console.Usage("The value is not text (UTF-8). Store it with " + console.Quote("oneclaw secret set --base64") + ", and decline the request.")
			}
			// The value is asked for first: whoever pastes it at once does not paste it into a question.
			if g.Bindings == nil {
				if g.Bindings, err = c.suggested(ctx, r); err != nil {
					return err
				}
			}
			if r, err = cl.FillSecretRequest(ctx, r.ID, v, g); err != nil {
				return err
			}
			return c.printWanted(r, boundTo(ctx, cl, r)...)
		}),
	}
	f := cmd.Flags()
	valueFlags(cmd, &file, &exact)
	f.StringVar(&g.Type, "type", "", oneOf(secretTypes[:]))
	f.BoolVar(&g.NewVersion, "new-version", false, "store it also where there is a secret at the path, as its next version")
	f.StringVar(&as, "as", "", "let agents use it with a known service: "+strings.Join(names, ", "))
	f.StringSliceVar(&b.Hosts, "host", nil, "let agents use it at this host, with a port where it is not 443")
	f.StringVar(&b.In, "in", "", "place in the request (bearer), as of oneclaw bind")
	return cmd
}

// suggested are the bindings that the agent asks for, where the person at the terminal takes them.
func (c *cli) suggested(ctx context.Context, r *client.SecretRequest) ([]client.Binding, error) {
	var list []client.Binding
	flag := ""
	switch known, ok := services()[r.Service]; {
	case ok:
		list, flag = known, "--as "+r.Service
	case r.Host != "":
		list, flag = []client.Binding{{Hosts: []string{r.Host}}}, "--host "+r.Host
	default:
		return nil, nil
	}
	said := "The agent suggests that it be used at " + bindingsInWords(list)
	if !c.Interactive() {
		c.Warn(said + ": add " + console.Clean(flag) + " to allow that.")
		return nil, nil
	}
	yes, err := c.Prompt.Confirm(ctx, console.Clean(said)+". Allow that?")
	if err != nil || !yes {
		return nil, err
	}
	return list, nil
}

// bindingsInWords says where a secret may be used.
func bindingsInWords(list []client.Binding) string {
	var out []string
	for _, b := range list {
		out = append(out, strings.Join(b.Hosts, " and ")+" ("+cmp.Or(b.In, "bearer")+")")
	}
	return strings.Join(out, ", ")
}

// boundTo says where the secret of a request may be used now.
func boundTo(ctx context.Context, cl *client.Client, r *client.SecretRequest) []field {
	got, err := cl.Bindings(ctx, r.VaultID, r.Path)
	if err != nil {
		return nil // it is given all the same
	}
	said := bindingsInWords(got.Bindings)
	if said == "" {
		said = "no host; see " + console.Quote("oneclaw bind")
	}
	return []field{{"Bound to", said}}
}

func (c *cli) wantedDecline() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "decline ID|PATH",
		Short: "Say that you don't give a secret that an agent asked for",
		Args:  args("ID|PATH"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if err := checkReason(reason); err != nil {
				return err
			}
			r, err := theWanted(ctx, cl, a[0])
			if err != nil {
				return err
			}
			if r, err = cl.DeclineSecretRequest(ctx, r.ID, reason); err != nil {
				return err
			}
			return c.printWanted(r)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "a line for the agent")
	return cmd
}

func (c *cli) wantedWithdraw() *cobra.Command {
	return &cobra.Command{
		Use:   "withdraw ID|PATH",
		Short: "As the agent, take a request back",
		Args:  args("ID|PATH"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			r, err := theWanted(ctx, cl, a[0])
			if err != nil {
				return err
			}
			if r, err = cl.WithdrawSecretRequest(ctx, r.ID); err != nil {
				return err
			}
			return c.printWanted(r)
		}),
	}
}

// theWanted finds a request by its id, or by the path that one request waits for.
func theWanted(ctx context.Context, cl *client.Client, ref string) (*client.SecretRequest, error) {
	id, err := found(kindWanted, ref, func() ([]client.SecretRequest, error) { return cl.SecretRequests(ctx, "") }, func(r client.SecretRequest) candidate {
		return candidate{id: r.ID, names: []string{r.Path}, note: r.Path + " for the agent " + r.AgentName + ", " + r.Status, ended: r.Status != "waiting"}
	})
	if err != nil {
		return nil, err
	}
	return cl.SecretRequest(ctx, id)
}

func (c *cli) printWanted(r *client.SecretRequest, more ...field) error {
	vault, version := r.VaultID, ""
	if r.VaultName != "" && c.IsTTY(c.Stdout) {
		vault = r.VaultName + " (" + r.VaultID + ")"
	}
	if r.Version > 0 {
		version = strconv.FormatUint(r.Version, 10)
	}
	fields := []field{
		{"ID", r.ID}, {"Status", r.Status}, {"Path", r.Path}, {"Vault", vault}, {"Agent", r.AgentName + " (" + r.AgentID + ")"},
		{"Reason", r.Reason}, {"Service", r.Service}, {"Host", r.Host}, {"Expires", c.Maybe(&r.ExpiresAt, "")}, {"Version", version}, {"Ended by", r.EndedBy}, {"Answer", r.Answer},
	}
	if r.Status == "waiting" {
		fields = append(fields, field{"Page", r.URL})
	}
	for _, may := range []struct {
		name string
		is   *bool
	}{{"May read", r.MayRead}, {"May use", r.MayUse}} {
		if may.is != nil {
			fields = append(fields, field{may.name, yes(*may.is)})
		}
	}
	return c.show(r, append(fields, more...)...)
}
