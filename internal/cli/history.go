package cli

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) secretVersions() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "versions PATH",
		Short: "List the versions of a secret, also of a deleted one",
		Args:  args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			all, err := cl.SecretVersions(ctx, vault, a[0])
			who := calledIn(ctx, c, cl, all, func(v client.SecretVersion) (kind, id string) {
				kind, id, _ = strings.Cut(v.CreatedBy, ":")
				return kind, id
			})
			return list(c, "versions", all, err, []string{"VERSION", "STATE", "TYPE", "WRITTEN BY", "WRITTEN", "EXPIRES"}, "No versions.", func(v client.SecretVersion) []string {
				state := "old"
				switch {
				case v.IsDisabled:
					state = "disabled"
				case v.IsDeleted:
					state = "deleted"
				case v.IsCurrent:
					state = "current"
				}
				return []string{strconv.FormatInt(v.Version, 10), state, v.Type, who.actor(v.CreatedBy),
					c.When(v.CreatedAt), c.Maybe(v.ExpiresAt, "never")}
			})
		}),
	})
}

func (c *cli) secretRestore() *cobra.Command {
	return c.mayAsk(&cobra.Command{
		Use:   "restore PATH",
		Short: "Bring a deleted secret back",
		Args:  args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			s, err := cl.RestoreSecret(ctx, vault, a[0])
			if client.IsStatus(err, http.StatusNotFound) {
				if _, ferr := find(ctx, cl, vault, a[0]); ferr == nil {
					return fault.New(fault.Conflict, "secret_not_deleted", "The secret is not deleted: there is nothing to restore.")
				}
			}
			if err != nil {
				return err
			}
			return c.printWritten("Restored", s)
		}),
	})
}

func (c *cli) secretDelete() *cobra.Command {
	return c.removal("delete PATH", "Delete a secret; its versions stay and `restore` brings it back",
		"Delete the secret ", "Deleted ", "deleted", (*client.Client).DeleteSecret)
}

func (c *cli) secretPurge() *cobra.Command {
	return c.removal("purge PATH", "Destroy a secret and all its versions, for good",
		"Destroy, for good, all versions of the secret ", "Destroyed ", "purged", (*client.Client).PurgeSecret)
}

func (c *cli) secretDisableVersion() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "disable-version PATH NUMBER",
		Short: "Keep one version of a secret from being read again, for good",
		Long: `Keep one version of a secret from being read again, for good: by nobody, and through no
share. The other versions stay. When it is the newest one, the secret can't be read until
a new value is written.`,
		Args: args("PATH", "NUMBER"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			n, err := strconv.ParseInt(a[1], 10, 64)
			if err != nil || n < 1 {
				return console.Usage("NUMBER is that of a version, from 1 on. See `oneclaw secret versions PATH`.")
			}
			if err := c.Confirm(ctx, yes, "Disable, for good, version "+a[1]+" of the secret "+a[0]+"?"); err != nil {
				return err
			}
			if err := cl.DisableSecretVersion(ctx, vault, a[0], n); err != nil {
				return err
			}
			return c.did(map[string]any{"path": a[0], "version": n, "disabled": true}, "Disabled version %d of %s.", n, a[0])
		}),
	}
	yesFlag(cmd, &yes)
	return cmd
}

func (c *cli) removal(use, short, question, done, key string,
	remove func(*client.Client, context.Context, string, string) error) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			if err := c.Confirm(ctx, yes, question+a[0]+"?"); err != nil {
				return err
			}
			if err := remove(cl, ctx, vault, a[0]); err != nil {
				return err
			}
			return c.did(map[string]any{"path": a[0], key: true}, "%s%s.", done, a[0])
		}),
	}
	yesFlag(cmd, &yes)
	return c.mayAsk(cmd)
}
