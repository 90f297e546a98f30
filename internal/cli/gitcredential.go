package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) gitCredential() *cobra.Command {
	var ref string
	cmd := &cobra.Command{
		Use:   "git-credential --secret REF get|store|erase",
		Short: "Give git a secret as the password of a host that it is bound to",
		Long: `Give git a secret as the password of a host that it is bound to. Git calls this itself
(gitcredentials(7)) once it is set as a helper for the addresses that the secret is for.
It is for people, and for agents that may read the secret: an agent with --reveal never
is given nothing, and uses git through ` + "`oneclaw proxy`" + `, or over SSH (` + "`oneclaw ssh-agent`" + `).

The secret must be bound to the host of the repository, in basic or bearer, as for
requests: ` + "`oneclaw bind PATH --host HOST --in basic`" + `. Where the binding names paths, set
credential.useHttpPath, since git leaves the path out otherwise. The user name is that of the
binding, what stands before a colon in the secret, the one in the address of the
repository, or x-access-token, in this order. Nothing is stored or erased: that is for
` + "`oneclaw secret set`" + `.`,
		Example: `  oneclaw bind ci/github --host github.com --in basic
  git config --global credential.https://github.com.helper '!oneclaw git-credential --secret ci/github'`,
		Args: args("ACTION"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if ref == "" {
				return console.Usage("--secret says which secret git is given, such as --secret ci/github.")
			}
			asked, err := readGitAsks(c.Stdin)
			if err != nil || a[0] != "get" { // git wants others ignored
				return err
			}
			err = c.giveGit(cmd.Context(), ref, asked)
			if e, ok := errors.AsType[*client.Error](err); ok && e.Status == http.StatusForbidden {
				fmt.Fprintln(c.Stdout, "quit=1") // git would ask at the terminal
				return fault.New(fault.Denied, e.Code, "You are not shown this secret, so git is given none. Run git as `oneclaw proxy --env GIT_TOKEN="+word(ref)+" -- git ...` with a helper that prints the variable: it then uses the secret without being given it. With SSH, `oneclaw ssh-agent` has git use a key that nobody is shown.")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&ref, "secret", "", "the secret, as a path or oneclaw://VAULT/PATH#FIELD")
	return cmd
}

// gitAsks is what git wants a credential for.
type gitAsks struct{ protocol, host, path, username string }

// readGitAsks reads lines NAME=VALUE up to a blank one, as git writes them.
func readGitAsks(r io.Reader) (a gitAsks, err error) {
	lines := bufio.NewScanner(io.LimitReader(r, 64<<10))
	for lines.Scan() && lines.Text() != "" {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			return a, console.Usage("Git writes lines NAME=VALUE to a credential helper.")
		}
		switch name {
		case "protocol":
			a.protocol = value
		case "host":
			a.host = value
		case "path":
			a.path = value
		case "username":
			a.username = value
		}
	}
	return a, lines.Err()
}

func (c *cli) giveGit(ctx context.Context, ref string, a gitAsks) error {
	if a.protocol != "https" {
		c.Warn("Git is given a secret for https alone.")
		return nil
	}
	cl, err := c.Client()
	if err != nil {
		return err
	}
	p, err := c.placeOf(ctx, cl, ref)
	if err != nil {
		return err
	}
	bound, err := cl.Bindings(ctx, p.vault, p.path)
	if err != nil {
		return err
	}
	b := a.within(bound.Bindings)
	if b == nil {
		c.Warn("No binding of the secret allows it for this host, in basic or bearer, or for this path; without credential.useHttpPath git names none. Add one with `oneclaw bind " + p.path + " --host HOST --in basic`.")
		return nil
	}
	v, err := c.valueAt(ctx, cl, ref)
	if err != nil {
		return err
	}
	defer v.Wipe()
	password := bytes.TrimRight(v.Reveal(), "\r\n")
	if len(password) == 0 || bytes.ContainsAny(password, "\r\n\x00") {
		return fault.New(fault.Conflict, "value_no_password", "The secret has several lines or none, and is no password.")
	}
	user := b.User
	if before, after, ok := bytes.Cut(password, []byte(":")); ok && user == "" && binding.Place(b.In).Kind() == "basic" {
		user, password = string(before), after
	}
	for _, other := range []string{a.username, "x-access-token"} {
		if user == "" {
			user = other
		}
	}
	_, err = c.Stdout.Write(slices.Concat([]byte("username="+user+"\npassword="), password, []byte("\n")))
	return err
}

// within returns the binding that allows all that git sends for a fetch or a push, or nil.
func (a *gitAsks) within(list []client.Binding) *client.Binding {
	at := "https://" + a.host
	if a.path != "" {
		at += "/" + strings.TrimPrefix(a.path, "/")
	}
	for i := range list {
		b := list[i]
		rule := []binding.Binding{{Hosts: b.Hosts, Methods: b.Methods, Paths: b.Paths, In: binding.Place(b.In)}}
		in := rule[0].In.Kind()
		fits := func(*binding.Binding) bool { return in == "basic" || in == "bearer" }
		may := func(method, end string) bool {
			to, _, err := binding.ParseTarget(method, at+end)
			return err == nil && binding.Allows(rule, &to, fits) != nil
		}
		if a.path == "" && len(b.Paths) > 0 {
			continue // it could be for any path of the host
		}
		if may(http.MethodGet, "/info/refs") && (may(http.MethodPost, "/git-upload-pack") || may(http.MethodPost, "/git-receive-pack")) {
			return &list[i]
		}
	}
	return nil
}
