package cli

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// placeFlags adds the flags that say where a variable holds.
func placeFlags(cmd *cobra.Command, at *client.EnvVarPlace) *cobra.Command {
	cmd.Flags().StringVarP(&at.Environment, "environment", "e", "", "such as production; all when absent")
	cmd.Flags().StringVar(&at.GitBranch, "branch", "", "the git branch that it holds on")
	return cmd
}

// where says in which environments and on which branch a variable holds.
func where(environments []string, branch string) string {
	in := " in " + strings.Join(environments, ", ")
	if branch != "" {
		in += " on the branch " + branch
	}
	return in
}

func (c *cli) envList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List environment variables without their values",
		Args:    args(),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, _ []string) error {
			all, err := cl.EnvVars(ctx, vault)
			return list(c, "env_vars", all, err, []string{"KEY", "ENVIRONMENT", "BRANCH", "VERSION", "WRITTEN", "COMMENT"}, "No environment variables.", func(v client.EnvVar) []string {
				return []string{v.Key, strings.Join(v.Environments, ","), v.GitBranch, strconv.FormatInt(v.Version, 10), c.When(v.CreatedAt), v.Comment}
			})
		}),
	})
}

func (c *cli) envSet() *cobra.Command {
	var v client.EnvVarSet
	var file string
	var exact bool
	cmd := &cobra.Command{
		Use:   "set KEY",
		Short: "Set an environment variable, in one environment or more",
		Long:  "Set an environment variable, or a new version of it.\n\n" + valueHelp,
		Example: `  oneclaw env set DATABASE_URL -e production
  printf %s "$URL" | oneclaw env set DATABASE_URL -e preview -e development`,
		Args: args("KEY"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			if strings.Contains(a[0], "=") {
				return console.Usage("Give the name alone. The value comes from the prompt, stdin or --from-file: other programs can read arguments.")
			}
			value, err := c.ReadValue(ctx, file, "Value of "+console.Clean(a[0]), exact)
			if err != nil {
				return err
			}
			defer value.Wipe()
			v.Key = a[0]
			set, err := cl.SetEnvVar(ctx, vault, v, value)
			if err != nil {
				return err
			}
			return c.did(set, "Set %s%s.", set.Key, where(set.Environments, set.GitBranch))
		}),
	}
	f := cmd.Flags()
	f.StringSliceVarP(&v.Environments, "environment", "e", nil, "such as production; more than one may be given; all when absent")
	f.StringVar(&v.GitBranch, "branch", "", "only on this git branch")
	f.StringVar(&v.Comment, "comment", "", "a note beside it, which is not encrypted")
	f.BoolVar(&v.Sensitive, "sensitive", false, "mark it for those who show variables")
	valueFlags(cmd, &file, &exact)
	return cmd
}

func (c *cli) envGet() *cobra.Command {
	var at client.EnvVarPlace
	return placeFlags(&cobra.Command{
		Use:   "get KEY",
		Short: "Print the value of one environment variable, as it was set there",
		Args:  args("KEY"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			v, err := cl.GetEnvVar(ctx, vault, a[0], at)
			if err != nil {
				return orElsewhere(ctx, cl, err, "get", vault, a[0], at)
			}
			defer v.Value.Wipe()
			if c.JSON {
				return c.PrintJSON(struct {
					client.EnvVar
					Value string `json:"value"`
				}{v.EnvVar, string(v.Value.Reveal())})
			}
			return c.printValue(&client.Secret{Value: v.Value}, false)
		}),
	}, &at)
}

func (c *cli) envDelete() *cobra.Command {
	var at client.EnvVarPlace
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete KEY",
		Short: "Delete an environment variable; its versions stay",
		Args:  args("KEY"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			at.Environment = cmp.Or(at.Environment, "all")
			in := where([]string{at.Environment}, at.GitBranch)
			if err := c.Confirm(ctx, yes, "Delete the environment variable "+a[0]+in+"?"); err != nil {
				return err
			}
			if err := cl.DeleteEnvVar(ctx, vault, a[0], at); err != nil {
				return orElsewhere(ctx, cl, err, "delete", vault, a[0], at)
			}
			return c.did(map[string]any{"key": a[0], "environment": at.Environment, "git_branch": at.GitBranch, "deleted": true}, "Deleted %s%s.", a[0], in)
		}),
	}
	yesFlag(cmd, &yes)
	return placeFlags(cmd, &at)
}

func (c *cli) envResolve() *cobra.Command {
	var at client.EnvVarPlace
	return placeFlags(&cobra.Command{
		Use:   "resolve",
		Short: "Show which environment variables hold, and where each comes from; --json has the values",
		Args:  args(),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, _ []string) error {
			found, err := cl.ResolveEnvVars(ctx, vault, at)
			if err != nil {
				return err
			}
			defer wipeAll(found)
			if c.JSON {
				vars := map[string]string{}
				for key, value := range found.Vars {
					vars[key] = string(value.Reveal())
				}
				return c.PrintJSON(map[string]any{"vars": vars, "sources": found.Sources, "environment": found.Environment, "git_branch": found.GitBranch})
			}
			var rows [][]string
			for _, key := range keysOf(found) {
				rows = append(rows, []string{key, found.Sources[key]})
			}
			return c.PrintRows([]string{"KEY", "FROM"}, rows, "No environment variables hold there.")
		}),
	}, &at)
}
