package cli

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/child"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// runFlags are the secrets that a program is to get, and how.
type runFlags struct {
	env, bundles, files []string
	redact              bool
}

func (c *cli) runWith() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [--env NAME=REF] [--env-bundle REF] [--file NAME=REF] -- PROGRAM [ARGUMENT...]",
		Short: "Run a program with secrets in its environment variables and files",
		Long: `Run a program with secrets in its environment variables and files. A reference is the
path of a secret in the vault that is used, or oneclaw://VAULT/PATH, and #FIELD after it
for one field of a secret that is a JSON object or an env_bundle. Nothing of a secret is
printed. The program does not get the credential that oneclaw is used with; it has the
terminal, the signals and the job control that it has without oneclaw, and its exit code.

--env-bundle sets all variables of an env_bundle; --env goes before it.

--file has the variable NAME hold the path of a file with the secret, which other users
can't open and which is gone when the program has ended. With a path in place of NAME,
there is a link to the file at that path while the program runs. On Linux the file is in
memory.

--redact takes the values out of what the program prints, also encoded. What the program
is made to encode in other ways is shown.

Whoever may look into the program sees its variables and files. An agent with --reveal
never is given no value here either: it uses ` + "`oneclaw request`" + ` or the MCP tool
http_request.`,
		Example: `  oneclaw run --env GITHUB_TOKEN=ci/github -- gh pr list
  oneclaw run --env PGPASSWORD=oneclaw://staging/db#password -- psql -h db.example.com app
  oneclaw run --env-bundle app/production --redact -- ./server
  oneclaw run --file GOOGLE_APPLICATION_CREDENTIALS=gcp/key -- terraform plan`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return console.Usage("Missing PROGRAM. Usage: " + cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, a []string) error { return c.runGiven(cmd.Context(), &f, a) },
	}
	cmd.Flags().StringArrayVarP(&f.env, "env", "e", nil, "a variable with the secret that it gets, as NAME=REF")
	cmd.Flags().StringArrayVar(&f.bundles, "env-bundle", nil, "an env_bundle whose variables the program gets")
	cmd.Flags().StringArrayVar(&f.files, "file", nil, "a variable, or a path, for a file with the secret, as NAME=REF")
	cmd.Flags().BoolVar(&f.redact, "redact", false, "take the values out of what the program prints")
	cmd.Flags().SetInterspersed(false) // what follows the program is the program's
	return cmd
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// given is one value of --env or --file: what gets a secret, and which.
type given struct{ name, ref string }

// read checks what a flag was given; taken are the names that may not be named again.
func readGiven(flag, example string, entries []string, path bool, taken map[string]bool) ([]given, error) {
	var out []given
	for i, entry := range entries {
		name, ref, ok := strings.Cut(entry, "=")
		switch named := variableName.MatchString(name) || path && strings.ContainsAny(name, `/\`); {
		case ok && named && ref == "":
			return nil, console.Usage("--" + flag + " " + name + "= names no secret: it takes NAME=REF, such as --" + flag + " " + example + ".")
		case !ok || !named: // it may be a secret, and is not repeated
			which := ""
			if len(entries) > 1 {
				which = ", and number " + strconv.Itoa(i+1) + " of them is none"
			}
			return nil, console.Usage("--" + flag + " takes NAME=REF" + which + ", such as --" + flag + " " + example + ".")
		}
		if taken[name] {
			return nil, console.Usage(name + " is named twice.")
		}
		taken[name] = true
		out = append(out, given{name, ref})
	}
	return out, nil
}

// ofOne is what went wrong with one of several things that a command was told.
type ofOne struct {
	which string
	err   error
}

func of(which string, err error) error { return &ofOne{which, err} }

func (e *ofOne) Error() string { return e.which + ": " + e.err.Error() }

// Unwrap returns what went wrong.
func (e *ofOne) Unwrap() error { return e.err }

func (c *cli) runGiven(ctx context.Context, f *runFlags, a []string) error {
	taken := map[string]bool{}
	env, err := readGiven("env", "GITHUB_TOKEN=ci/github", f.env, false, taken)
	if err != nil {
		return err
	}
	files, err := readGiven("file", "KUBECONFIG=ci/kube", f.files, true, taken)
	if err != nil {
		return err
	}
	cl, err := c.Client()
	if err != nil {
		return err
	}
	found := &client.ResolvedEnv{Vars: map[string]client.Value{}}
	defer wipeAll(found)
	p := &child.Program{Args: a, Become: c.become}
	hide := func(ref string, v client.Value) { c.hide(p, f.redact, ref, v) }
	for _, ref := range f.bundles {
		if err := c.bundleAt(ctx, cl, ref, found); err != nil {
			return of("--env-bundle "+ref, err)
		}
	}
	for _, g := range env {
		v, err := c.valueAt(ctx, cl, g.ref)
		if err != nil {
			return of(g.name, err)
		}
		if err := holds(v); err != nil {
			v.Wipe()
			return of(g.name, err)
		}
		found.Vars[g.name] = v
	}
	for name, v := range found.Vars {
		hide(name, v)
	}
	for _, g := range files {
		v, err := c.valueAt(ctx, cl, g.ref)
		if err != nil {
			return of(g.name, err)
		}
		defer v.Wipe()
		hide(g.name, v)
		gone, err := putFile(found, g.name, v)
		if err != nil {
			return of(g.name, err)
		}
		defer gone()
		p.Become = nil // the file is this process's
	}
	p.Env = environment(os.Environ(), found)
	return c.runProgram(ctx, p)
}

// hide has a value taken out of what the program prints.
func (c *cli) hide(p *child.Program, redact bool, name string, v client.Value) {
	if !redact {
		return
	}
	if p.Hidden == nil {
		p.Hidden = []child.Value{}
	}
	if v.Len() < child.Shortest {
		c.Warn("The value of " + name + " is too short to be told from other text: it is not taken out.")
		return
	}
	p.Hidden = append(p.Hidden, child.Value{Label: name, Value: secret.New(v.Reveal())})
}

// putFile makes the file for a value, and gone takes it away.
func putFile(found *client.ResolvedEnv, name string, v client.Value) (gone func(), err error) {
	file, err := child.NewFile(secret.New(v.Reveal()))
	if err != nil {
		return nil, err
	}
	if variableName.MatchString(name) {
		found.Vars[name] = client.ValueOf(file.Path)
		return file.Close, nil
	}
	if err := os.Symlink(file.Path, name); err != nil {
		file.Close()
		return nil, fault.New(fault.Conflict, "file_not_linked", "The path for a file can't be made: there must be nothing at it, in a directory that there is. ("+console.Cause(err)+")")
	}
	return func() {
		_ = os.Remove(name)
		file.Close()
	}, nil
}
