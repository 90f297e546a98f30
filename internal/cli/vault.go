package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
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
			return c.printVault(cmd.Context(), cl, v)
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
			return c.printVault(ctx, cl, v)
		}),
	}
}

func (c *cli) vaultRename() *cobra.Command {
	return &cobra.Command{
		Use:   "rename NAME|ID NEW-NAME",
		Short: "Give a vault another name",
		Long: `Give a vault another name. References by the former name (oneclaw://NAME/...) find
nothing from then on, in programs, files and agents' prompts: change them too, or name
vaults by their id there.`,
		Args: args("NAME|ID", "NEW-NAME"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if err := checkName(a[1]); err != nil {
				return err
			}
			id, err := vaultID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			v, err := cl.UpdateVault(ctx, id, client.VaultChange{Name: &a[1]})
			if err != nil {
				return err
			}
			if used, _ := c.UsedVault(); used == id {
				if err := c.UseVault(v.ID, v.Name); err != nil {
					return err
				}
			}
			return c.printVault(ctx, cl, v)
		}),
	}
}

func (c *cli) vaultDelete() *cobra.Command {
	return c.mayAsk(c.removes(&cobra.Command{Use: "delete NAME|ID", Short: "Delete a vault with all its secrets, for good", Args: args("NAME|ID")},
		vaultID, "Delete the vault %s and all its secrets, for good?", func(cl *client.Client, ctx context.Context, id string) error {
			err := cl.DeleteVault(ctx, id)
			if used, _ := c.UsedVault(); err == nil && used == id {
				err = c.UseVault("", "")
			}
			return err
		}, "deleted", "Deleted the vault %s."))
}

func (c *cli) vaultUse() *cobra.Command {
	var none bool
	cmd := &cobra.Command{
		Use:   "use NAME|ID",
		Short: "Work in this vault from now on, where no other is named",
		Long: `Work in this vault from now on. --vault and ONECLAW_VAULT_ID come before it. It is kept
beside the stored login, and shown by ` + "`oneclaw whoami`" + `; --none takes it away.`,
		Args: func(cmd *cobra.Command, given []string) error {
			if none && len(given) == 0 {
				return nil
			}
			return args("NAME|ID")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, a []string) error {
			if none {
				if len(a) > 0 {
					return console.Usage("Give the name of a vault or --none, not both.")
				}
				if err := c.UseVault("", ""); err != nil {
					return err
				}
				return c.did(map[string]any{"vault_id": nil}, "No vault is used by default any more.")
			}
			cl, id, err := c.vaultOf(cmd.Context(), a[0])
			if err != nil {
				return err
			}
			v, err := cl.Vault(cmd.Context(), id)
			if err != nil {
				return err
			}
			if err := c.UseVault(v.ID, v.Name); err != nil {
				return err
			}
			return c.did(map[string]string{"vault_id": v.ID, "name": v.Name}, "Commands work in the vault %s now.", v.Name)
		},
	}
	cmd.Flags().BoolVar(&none, "none", false, "use none by default")
	return cmd
}

func (c *cli) printVault(ctx context.Context, cl *client.Client, v *client.Vault) error {
	who := calledIn(ctx, c, cl, []*client.Vault{v}, func(v *client.Vault) (kind, id string) { return v.CreatedByType, v.CreatedBy })
	return c.show(v, field{"Name", v.Name}, field{"ID", v.ID}, field{"Description", v.Description},
		field{"Created by", who.full(v.CreatedByType, v.CreatedBy)}, field{"Created", c.When(v.CreatedAt)})
}
