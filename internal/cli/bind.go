package cli

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) bind() *cobra.Command {
	var b client.Binding
	var as string
	var replace bool
	names := slices.Sorted(maps.Keys(services()))
	cmd := &cobra.Command{
		Use:   "bind PATH",
		Short: "Say where a secret may be used by agents that do not see it",
		Long: `Say where a secret may be used by agents that do not see it. An agent that may use the
path has the server send requests to these hosts with the secret in them; it gets the
answers with the secret taken out. Without a binding nothing is sent.

A host is a name, names below one (*.example.com) or an address, with a port where it is
not 443. Without --method and --path every method and path of it is allowed. --in is the
place of the secret in the request: bearer, basic, header:NAME, query:NAME,
body:POINTER, sigv4, hmac or oauth2.

With --in oauth2 the secret is JSON with client_id and client_secret, refresh_token or both. It goes
to --token-url alone, and the access token that this gives goes to the hosts.

An SSH key signs at the server (` + "`oneclaw ssh-agent`" + `) and goes nowhere: --in ssh lets it log in
at the hosts with the host keys that --host-key names by their fingerprints (ssh-keygen -l
shows them), as --user or as anybody; --in sshsig lets it sign commits and files in the
namespaces of --namespace.

To bind again adds to what is there; --replace puts this in its place. ` + "`oneclaw bindings`" + ` shows
what is there.

--as takes what is known of a service: ` + strings.Join(names, ", ") + `.`,
		Example: `  oneclaw bind api-keys/stripe --as stripe --method GET
  oneclaw bind crm/client --host api.example.com --in oauth2 --token-url https://login.example.com/oauth/token
  oneclaw bind ci/token --host ci.example.com:8443 --path '/api/**' --in header:X-Token`,
		Args: args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			list := []client.Binding{b}
			if as != "" {
				known, ok := services()[as]
				if !ok {
					return console.Usage("--as takes " + oneOf(names) + ".")
				}
				list = merged(known, b)
			}
			if len(list[0].Hosts) == 0 && list[0].In != "sshsig" {
				return console.Usage("Name a host with --host, or a service with --as.")
			}
			if !replace {
				have, err := cl.Bindings(ctx, vault, a[0])
				if err != nil {
					return err
				}
				same := func(x client.Binding) bool {
					x.SetBy = ""
					return slices.ContainsFunc(list, func(b client.Binding) bool { return reflect.DeepEqual(x, b) })
				}
				list = append(slices.DeleteFunc(have.Bindings, same), list...)
			}
			got, err := cl.SetBindings(ctx, vault, a[0], list)
			if err != nil {
				return err
			}
			if _, there, err := cl.FindSecret(ctx, vault, a[0]); err == nil && !there {
				c.Warn("There is no secret at this path, or none that you may see: the binding holds once there is one. " + console.Quote("oneclaw secret set "+word(a[0])) + " stores it.")
			}
			return c.printBindings(ctx, cl, got)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&as, "as", "", "a known service: "+strings.Join(names, ", "))
	f.StringSliceVar(&b.Hosts, "host", nil, "host that the secret goes to, with a port where it is not 443")
	f.StringSliceVar(&b.Methods, "method", nil, "methods that it is used with; none: all")
	f.StringSliceVar(&b.Paths, "path", nil, "patterns of the paths that it is used for, such as /v1/**; none: all")
	f.StringVar(&b.In, "in", "", "place in the request (bearer)")
	f.StringVar(&b.User, "user", "", "user name of basic, where the secret is the password alone, or of ssh")
	f.StringVar(&b.Region, "region", "", "region of sigv4, or several with commas; none: all")
	f.StringVar(&b.Service, "service", "", "service of sigv4, or several with commas; none: all")
	f.StringVar(&b.Header, "header", "", "header that the signature of hmac goes into (X-Signature)")
	f.StringVar(&b.TokenURL, "token-url", "", "where oauth2 gets access tokens")
	f.StringVar(&b.Scope, "scope", "", "what oauth2 asks for, with blanks")
	f.StringVar(&b.TokenAuth, "token-auth", "", "how oauth2 shows the client's secret: basic or body (basic)")
	f.BoolVar(&b.AnswerCredentials, "answer-credentials", false, "hand back what the host gives as credentials of its own, such as Set-Cookie")
	f.StringSliceVar(&b.HostKeys, "host-key", nil, "fingerprint of the hosts' SSH key, of --in ssh")
	f.StringSliceVar(&b.Namespaces, "namespace", nil, "what an SSH key signs, such as git, of --in sshsig")
	f.BoolVar(&replace, "replace", false, "take away all other bindings of the secret")
	return cmd
}

func (c *cli) bindings() *cobra.Command {
	return &cobra.Command{
		Use:   "bindings PATH",
		Short: "Show where a secret may be used by agents that do not see it",
		Args:  args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			got, err := cl.Bindings(ctx, vault, a[0])
			if err != nil {
				return err
			}
			return c.printBindings(ctx, cl, got)
		}),
	}
}

func (c *cli) unbind() *cobra.Command {
	var host string
	cmd := &cobra.Command{
		Use:   "unbind PATH",
		Short: "Take away where a secret may be used",
		Long:  "Take away where a secret may be used: all of it, or with --host what names that host.",
		Args:  args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			list := []client.Binding{}
			if host != "" {
				have, err := cl.Bindings(ctx, vault, a[0])
				if err != nil {
					return err
				}
				list = slices.DeleteFunc(slices.Clone(have.Bindings), func(b client.Binding) bool { return slices.Contains(b.Hosts, host) })
				if len(list) == len(have.Bindings) {
					return console.Usage("No binding of this secret names that host: see `oneclaw bindings " + a[0] + "`.")
				}
			}
			got, err := cl.SetBindings(ctx, vault, a[0], list)
			if err != nil {
				return err
			}
			return c.printBindings(ctx, cl, got)
		}),
	}
	cmd.Flags().StringVar(&host, "host", "", "take away what names this host alone")
	return cmd
}

func (c *cli) printBindings(ctx context.Context, cl *client.Client, b *client.SecretBindings) error {
	for _, w := range b.Warnings {
		c.Warn(w)
	}
	who := calledIn(ctx, c, cl, b.Bindings, func(x client.Binding) (kind, id string) { return "user", x.SetBy })
	return list(c, "bindings", b.Bindings, nil, []string{"HOSTS", "METHODS", "PATHS", "IN", "SET BY"},
		"This secret may be used nowhere without being seen. Say where with `oneclaw bind "+b.Path+" --host HOST`.", func(x client.Binding) []string {
			in := x.In
			for _, more := range append(append([]string{x.User, x.TokenURL}, x.HostKeys...), x.Namespaces...) {
				in = strings.TrimSpace(in + " " + more)
			}
			return []string{strings.Join(x.Hosts, ", "), orAll(x.Methods), orAll(x.Paths), in, setter(who, x.SetBy)}
		})
}

// setter is a member by mail address, where the caller may know it.
func setter(who called, id string) string {
	if name := who.names[id]; name != "" && !who.cli.Wide {
		return name
	}
	return id
}

func orAll(l []string) string {
	if len(l) == 0 {
		return "all"
	}
	return strings.Join(l, ", ")
}
