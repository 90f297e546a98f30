package cli

import (
	"context"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) secretVersions() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "versions PATH",
		Short: "List the versions of a secret, also of a deleted one",
		Args:  args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, vault, err := c.inVault(cmd.Context())
			if err != nil {
				return err
			}
			all, err := cl.SecretVersions(cmd.Context(), vault, a[0])
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"versions": orEmpty(all)})
			}
			var rows [][]string
			for _, v := range all {
				state := "old"
				switch {
				case v.IsDeleted:
					state = "deleted"
				case v.IsCurrent:
					state = "current"
				}
				rows = append(rows, []string{strconv.FormatInt(v.Version, 10), state, v.Type, c.ShortActor(v.CreatedBy),
					c.When(v.CreatedAt), c.Maybe(v.ExpiresAt, "never")})
			}
			return c.PrintRows([]string{"VERSION", "STATE", "TYPE", "WRITTEN BY", "WRITTEN", "EXPIRES"}, rows, "No versions.")
		},
	})
}

func (c *cli) secretRestore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore PATH",
		Short: "Bring a deleted secret back",
		Args:  args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, vault, err := c.inVault(cmd.Context())
			if err != nil {
				return err
			}
			s, err := cl.RestoreSecret(cmd.Context(), vault, a[0])
			if client.IsStatus(err, http.StatusNotFound) {
				if _, ferr := find(cmd.Context(), cl, vault, a[0]); ferr == nil {
					return fault.New(fault.Conflict, "secret_not_deleted", "The secret is not deleted: there is nothing to restore.")
				}
			}
			if err != nil {
				return err
			}
			return c.printWritten("Restored", s)
		},
	}
}

func (c *cli) secretDelete() *cobra.Command {
	return c.removal("delete PATH", "Delete a secret; its versions stay and `restore` brings it back",
		"Delete the secret ", "Deleted ", "deleted", (*client.Client).DeleteSecret)
}

func (c *cli) secretPurge() *cobra.Command {
	return c.removal("purge PATH", "Destroy a secret and all its versions, for good",
		"Destroy, for good, all versions of the secret ", "Destroyed ", "purged", (*client.Client).PurgeSecret)
}

func (c *cli) removal(use, short, question, done, key string,
	remove func(*client.Client, context.Context, string, string) error) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, vault, err := c.inVault(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.Confirm(cmd.Context(), yes, question+a[0]+"?"); err != nil {
				return err
			}
			if err := remove(cl, cmd.Context(), vault, a[0]); err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"path": a[0], key: true})
			}
			c.Done("%s%s.", done, a[0])
			return nil
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}
