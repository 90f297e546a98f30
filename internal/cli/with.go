package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

// work is what a command does with a client, and its arguments.
type work func(ctx context.Context, cl *client.Client, a []string) error

// with runs a command's work with the client that connect returns.
func with(connect func() (*client.Client, error), do work) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, a []string) error {
		cl, err := connect()
		if err != nil {
			return err
		}
		return do(cmd.Context(), cl, a)
	}
}

// signedIn runs a command's work with the credential to use.
func (c *cli) signedIn(do work) func(*cobra.Command, []string) error { return with(c.Client, do) }

// atVault returns a client and the id of the vault to work in.
func (c *cli) atVault(ctx context.Context) (*client.Client, string, error) {
	cl, err := c.Client()
	if err != nil {
		return nil, "", err
	}
	id, err := c.theVault(ctx, cl)
	return cl, id, err
}

// inVault runs a command's work in the vault to work in.
func (c *cli) inVault(do func(ctx context.Context, cl *client.Client, vault string, a []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, a []string) error {
		cl, vault, err := c.atVault(cmd.Context())
		if err != nil {
			return err
		}
		return do(cmd.Context(), cl, vault, a)
	}
}

// list prints what a listing gave: to programs the rows as key, or as lines of fields; to
// people a table, and none where there is no row.
func list[T any](c *cli, key string, all []T, err error, header []string, none string, row func(T) []string) error {
	if err != nil {
		return err
	}
	if c.JSON {
		return c.PrintJSON(map[string][]T{key: orEmpty(all)})
	}
	var rows [][]string
	for _, v := range all {
		rows = append(rows, row(v))
	}
	return c.PrintRows(header, rows, none)
}

// listTwoLines is list for rows that may be long: to people as two has them where a row of one fits
// no line, with the last column below the others.
func listTwoLines[T any](c *cli, key string, all []T, err error, none string, one []string, row func(T) []string, two []string, short func(T) []string) error {
	if err != nil || c.JSON {
		return list(c, key, all, err, one, none, row)
	}
	wide, narrow := console.Table{Header: one, None: none}, console.Table{Header: two}
	for _, v := range all {
		wide.Rows, narrow.Rows = append(wide.Rows, row(v)), append(narrow.Rows, short(v))
	}
	return c.PrintTwoLines(wide, narrow)
}

// orEmpty makes JSON say [] where there is nothing.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// show prints one thing: to programs as v.
func (c *cli) show(v any, fields ...field) error {
	if c.JSON {
		return c.PrintJSON(v)
	}
	return c.PrintFields(fields...)
}

// did tells a program as v what was done, and a person in words.
func (c *cli) did(v any, format string, a ...any) error {
	if c.JSON {
		return c.PrintJSON(v)
	}
	c.Done(format, a...)
	return nil
}

// mayAsk adds the flags of a person to a command that takes one at times. The person is
// asked for only where the server wants one.
func (c *cli) mayAsk(cmd *cobra.Command) *cobra.Command {
	who := new(session.PersonFlags)
	who.Add(cmd)
	cmd.PreRun = func(*cobra.Command, []string) { c.Person = who }
	return cmd
}

// removes makes cmd end for good what its argument names, once a person has said so. The
// question and what is said after it name it as the argument does; past is what it is to
// programs.
func (c *cli) removes(cmd *cobra.Command, id func(ctx context.Context, cl *client.Client, ref string) (string, error), question string,
	remove func(*client.Client, context.Context, string) error, past, done string) *cobra.Command {
	var yes bool
	cmd.RunE = c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
		id, err := id(ctx, cl, a[0])
		if err != nil {
			return err
		}
		if err := c.Confirm(ctx, yes, fmt.Sprintf(question, a[0])); err != nil {
			return err
		}
		if err := remove(cl, ctx, id); err != nil {
			return err
		}
		return c.did(map[string]any{"id": id, past: true}, done, a[0])
	})
	yesFlag(cmd, &yes)
	return cmd
}
