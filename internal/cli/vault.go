package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
)

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
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Vaults(ctx)
			return list(c, "vaults", all, err, []string{"NAME", "ID", "CREATED BY", "CREATED"}, "No vaults. Make one with `oneclaw vault create NAME`.", func(v client.Vault) []string {
				return []string{v.Name, c.Short(v.ID), v.CreatedByType, c.When(v.CreatedAt)}
			})
		}),
	})
}

func (c *cli) vaultGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME|ID",
		Short: "Show one vault",
		Args:  args("NAME|ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := vaultID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			v, err := cl.Vault(ctx, id)
			if err != nil {
				return err
			}
			return c.printVault(v)
		}),
	}
}

func (c *cli) vaultDelete() *cobra.Command {
	return c.removes(&cobra.Command{Use: "delete NAME|ID", Short: "Delete a vault with all its secrets, for good", Args: args("NAME|ID")},
		vaultID, "Delete the vault %s and all its secrets, for good?", (*client.Client).DeleteVault, "deleted", "Deleted the vault %s.")
}

func (c *cli) printVault(v *client.Vault) error {
	return c.show(v, field{"Name", v.Name}, field{"ID", v.ID}, field{"Description", v.Description},
		field{"Created by", v.CreatedByType + ":" + v.CreatedBy}, field{"Created", c.When(v.CreatedAt)})
}
