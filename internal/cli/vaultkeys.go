package cli

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const keyHelp = `A key has 32 bytes: as they are, in base64 or in hexadecimal (openssl rand -base64 32).
It is read from a file, or from stdin with -; it is never an argument, where other
processes could see it.`

// pollJob is how often --wait asks.
const pollJob = 500 * time.Millisecond

func (c *cli) vaultRekey() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "rekey NAME|ID",
		Short: "Give a vault a new key-encryption key, and destroy the old one",
		Args:  args("NAME|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, id, err := c.vaultOf(cmd.Context(), a[0])
			if err != nil {
				return err
			}
			j, err := cl.RekeyVault(cmd.Context(), id)
			if err != nil {
				return err
			}
			for wait && j.CompletedAt == nil {
				if err := rest(cmd.Context()); err != nil {
					return err
				}
				if j, err = cl.RekeyJob(cmd.Context(), id, j.ID); err != nil {
					return err
				}
			}
			return c.printJob(j, j.ID, j.Status, j.Processed, j.TotalVersions, j.Error)
		},
	}
	waitFlag(cmd, &wait)
	return cmd
}

func (c *cli) cmekEnable() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "enable NAME|ID",
		Short: "Turn client-side encryption on: clients encrypt what they write from now on",
		Long:  "Record that clients encrypt what they write from now on. The server gets the key's fingerprint only.\n\n" + keyHelp,
		Args:  args("NAME|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			key, err := c.readKey(file)
			if err != nil {
				return err
			}
			defer key.Wipe()
			cl, id, err := c.vaultOf(cmd.Context(), a[0])
			if err != nil {
				return err
			}
			v, err := cl.EnableCMEK(cmd.Context(), id, client.CMEKFingerprint(key))
			if err != nil {
				return err
			}
			return c.printVault(cmd.Context(), cl, v)
		},
	}
	cmd.Flags().StringVar(&file, "key-file", "", "the key (required)")
	return cmd
}

func (c *cli) cmekDisable() *cobra.Command {
	return &cobra.Command{
		Use:   "disable NAME|ID",
		Short: "Turn client-side encryption off: clients no longer encrypt what they write",
		Args:  args("NAME|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, id, err := c.vaultOf(cmd.Context(), a[0])
			if err != nil {
				return err
			}
			v, err := cl.DisableCMEK(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.printVault(cmd.Context(), cl, v)
		},
	}
}

func (c *cli) cmekRotate() *cobra.Command {
	var from, to string
	var wait bool
	cmd := &cobra.Command{
		Use:   "rotate NAME|ID",
		Short: "Move all values that clients encrypted to another key",
		Long: `Move all values that clients encrypted to another key. The server sees both keys
while it does, and forgets them at the end.

` + keyHelp,
		Args: args("NAME|ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if from == "-" && to == "-" {
				return console.Usage("Only one of the two keys can come from stdin.")
			}
			old, err := c.readKey(from)
			if err != nil {
				return err
			}
			defer old.Wipe()
			next, err := c.readKey(to)
			if err != nil {
				return err
			}
			defer next.Wipe()
			cl, id, err := c.vaultOf(cmd.Context(), a[0])
			if err != nil {
				return err
			}
			j, err := cl.RotateCMEK(cmd.Context(), id, old, next)
			if err != nil {
				return err
			}
			for wait && j.CompletedAt == nil {
				if err := rest(cmd.Context()); err != nil {
					return err
				}
				if j, err = cl.CMEKJob(cmd.Context(), id, j.ID); err != nil {
					return err
				}
			}
			return c.printJob(j, j.ID, j.Status, j.Processed, j.TotalSecrets, j.Error)
		},
	}
	cmd.Flags().StringVar(&from, "old-key-file", "", "the present key (required)")
	cmd.Flags().StringVar(&to, "new-key-file", "", "the key to move to (required)")
	waitFlag(cmd, &wait)
	return cmd
}

func (c *cli) cmekStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status NAME|ID [JOB]",
		Short: "Show a vault's fingerprint, or how far a rotation is",
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) == 2 {
				return args("NAME|ID", "JOB")(cmd, given)
			}
			return args("NAME|ID")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, id, err := c.vaultOf(cmd.Context(), a[0])
			if err != nil {
				return err
			}
			if len(a) == 2 {
				j, err := cl.CMEKJob(cmd.Context(), id, a[1])
				if err != nil {
					return err
				}
				return c.printJob(j, j.ID, j.Status, j.Processed, j.TotalSecrets, j.Error)
			}
			v, err := cl.Vault(cmd.Context(), id)
			if err != nil {
				return err
			}
			return c.show(v, field{"Enabled", console.YesNo(v.CMEKEnabled)}, field{"Fingerprint", v.CMEKFingerprint})
		},
	}
}

// vaultOf is the session's client and the id of the vault that somebody named.
func (c *cli) vaultOf(ctx context.Context, name string) (*client.Client, string, error) {
	cl, err := c.Client()
	if err != nil {
		return nil, "", err
	}
	id, err := vaultID(ctx, cl, name)
	return cl, id, err
}

// readKey takes a key in any of its three spellings.
func (c *cli) readKey(file string) (client.Value, error) {
	if file == "" {
		return client.Value{}, console.Usage("Name the file that holds the key, or - for stdin.")
	}
	b, err := []byte(nil), error(nil)
	if file == "-" {
		b, err = console.Limited(c.Stdin)
	} else {
		b, err = console.ReadFile(file)
	}
	if err != nil {
		return client.Value{}, err
	}
	defer clear(b)
	text := console.DropEcho(b)
	key := make([]byte, 0, 64)
	if len(b) == client.CMEKKeySize {
		return client.NewValue(append(key, b...)), nil
	}
	if len(text) <= 64 {
		for _, decode := range []func(dst, src []byte) ([]byte, error){
			hex.AppendDecode, base64.StdEncoding.AppendDecode, base64.RawStdEncoding.AppendDecode, base64.URLEncoding.AppendDecode, base64.RawURLEncoding.AppendDecode,
		} {
			if k, err := decode(key[:0], text); err == nil && len(k) == client.CMEKKeySize {
				return client.NewValue(k), nil
			}
		}
	}
	return client.Value{}, console.Usage("The key must have 32 bytes: as they are, in base64 or in hexadecimal.")
}

func waitFlag(cmd *cobra.Command, wait *bool) {
	cmd.Flags().BoolVar(wait, "wait", false, "wait for the end, and fail when the job does")
}

// rest waits before a job is asked about again.
func rest(ctx context.Context) error {
	t := time.NewTimer(pollJob)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c *cli) printJob(j any, id, status string, processed, total int64, why string) error {
	var err error
	if c.JSON {
		err = c.PrintJSON(j)
	} else {
		err = c.PrintFields(field{"Job", id}, field{"Status", status},
			field{"Done", strconv.FormatInt(processed, 10) + " of " + strconv.FormatInt(total, 10)}, field{"Error", why})
	}
	if err == nil && status == "failed" {
		err = fault.New(fault.Internal, "job_failed", "The job could not do all of it: "+why)
	}
	return err
}
