package cli

import (
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) vaultCommand() *cobra.Command {
	return group("vault", "Make, list and delete vaults, and change their keys",
		c.vaultCreate(), c.vaultList(), c.vaultGet(), c.vaultDelete(), c.vaultRekey(), c.vaultCMEK())
}

func (c *cli) vaultCreate() *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a vault",
		Args:  args("NAME"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkName(a[0]); err != nil {
				return err
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			v, err := cl.CreateVault(cmd.Context(), a[0], description)
			if err != nil {
				return err
			}
			return c.printVault(v)
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

func (c *cli) vaultList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the vaults: name, id, creator, time",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.Client()
			if err != nil {
				return err
			}
			all, err := cl.Vaults(cmd.Context())
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"vaults": orEmpty(all)})
			}
			var rows [][]string
			for _, v := range all {
				rows = append(rows, []string{v.Name, c.Short(v.ID), v.CreatedByType, c.When(v.CreatedAt)})
			}
			return c.PrintRows([]string{"NAME", "ID", "CREATED BY", "CREATED"}, rows,
				"No vaults. Make one with `oneclaw vault create NAME`.")
		},
	})
}

func (c *cli) vaultGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME|ID",
		Short: "Show one vault",
		Args:  args("NAME|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, err := c.Client()
			if err != nil {
				return err
			}
			id, err := vaultID(cmd.Context(), cl, a[0])
			if err != nil {
				return err
			}
			v, err := cl.Vault(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.printVault(v)
		},
	}
}

func (c *cli) vaultDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME|ID",
		Short: "Delete a vault with all its secrets, for good",
		Args:  args("NAME|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, err := c.Client()
			if err != nil {
				return err
			}
			id, err := vaultID(cmd.Context(), cl, a[0])
			if err != nil {
				return err
			}
			if err := c.Confirm(cmd.Context(), yes, "Delete the vault "+a[0]+" and all its secrets, for good?"); err != nil {
				return err
			}
			if err := cl.DeleteVault(cmd.Context(), id); err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"id": id, "deleted": true})
			}
			c.Done("Deleted the vault %s.", a[0])
			return nil
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

// checkName holds a name to the server's rule.
func checkName(s string) error {
	if n := utf8.RuneCountInString(s); n < 1 || n > 255 {
		return console.Usage("NAME must have 1 to 255 characters.")
	}
	return nil
}

func (c *cli) printVault(v *client.Vault) error {
	if c.JSON {
		return c.PrintJSON(v)
	}
	return c.PrintFields(field{"Name", v.Name}, field{"ID", v.ID}, field{"Description", v.Description},
		field{"Created by", v.CreatedByType + ":" + v.CreatedBy}, field{"Created", c.When(v.CreatedAt)})
}

func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVarP(yes, "yes", "y", false, "do not ask")
}

// orEmpty makes JSON say [] where there is nothing.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
