package app

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

func (d Deps) keys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Rotate the keys that sign tokens and the audit log",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new signing key; old ones still verify",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o := &operator{Deps: d}
	rotate.AddCommand(o.command(&cobra.Command{
		Use:   "token",
		Short: "Make a new key for access tokens",
		Long: `Make a new key for access tokens in the keystore. Servers that run sign with it within a
minute, and verify tokens of both keys at once: nobody is logged out.`,
	}, func(ctx context.Context, cfg config.Config) error { return o.rotate(ctx, cfg, "token") }))
	p := &operator{Deps: d}
	rotate.AddCommand(p.command(&cobra.Command{
		Use:   "audit",
		Short: "Make a new key for checkpoints of the audit log",
		Long: `Make a new key for checkpoints of the audit log in the keystore. Servers that run sign with
it from their next checkpoint on. Who verifies exports offline needs its public half too:
GET /v1/audit/keys lists them all.`,
	}, func(ctx context.Context, cfg config.Config) error { return p.rotate(ctx, cfg, "audit") }))
	cmd.AddCommand(rotate)
	return cmd
}

func (o *operator) rotate(ctx context.Context, cfg config.Config, which string) error {
	keys, err := existingKeystore(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = keys.Close() }()
	var id string
	if which == "token" {
		id, err = identity.AddTokenKey(ctx, keys, now())
	} else {
		id, err = rotateAuditKey(ctx, keys)
	}
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "rotated_meanwhile", "Another rotation was faster. There is a new key already.")
	}
	if err == nil {
		o.say("Made the key %s.", id)
	}
	return err
}
