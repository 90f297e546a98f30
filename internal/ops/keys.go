package ops

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
)

func keys(o operator.Operator) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Show and rotate the keys that sign tokens, the audit log and backups",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new signing key; old ones still verify",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	rotate.AddCommand(o.Command(&cobra.Command{
		Use:   "token",
		Short: "Make a new key for access tokens",
		Long: `Make a new key for access tokens in the keystore. Servers that run sign with it within a
minute, and verify tokens of both keys at once: nobody is logged out. Keys that do not
open any more are set aside, and the tokens that they signed end.`,
	}, func(ctx context.Context, cfg config.Config) error { return rotateKey(ctx, o, cfg, "token") }))
	rotate.AddCommand(o.Command(&cobra.Command{
		Use:   "audit",
		Short: "Make a new key for checkpoints of the audit log",
		Long: `Make a new key for checkpoints of the audit log in the keystore. Servers that run sign with
it from their next checkpoint on. Who verifies exports offline needs its public half too:
"oneclaw audit keys" prints them all.`,
	}, func(ctx context.Context, cfg config.Config) error { return rotateKey(ctx, o, cfg, "audit") }))
	rotate.AddCommand(o.Command(&cobra.Command{
		Use:   "backup",
		Short: "Make a new key for backups",
		Long: `Make a new key for the manifests of backups in the keystore, and print its public half.
Backups that were signed with older ones can be restored as before.`,
	}, func(ctx context.Context, cfg config.Config) error { return rotateKey(ctx, o, cfg, "backup") }))
	cmd.AddCommand(rotate, o.Command(&cobra.Command{
		Use:   "renew",
		Short: "Make anew the server's own keys that are lost for good",
		Long: `Make anew the keys of the server that are not in the keystore any more: those that second
factors, mails, links of shares, signing secrets of webhooks, flagged texts and keys of
placeholders are sealed with. What was sealed with a lost key never opens again. Put the key back from a backup
instead when there is one. Keys that are there stay as they are.`,
	}, func(ctx context.Context, cfg config.Config) error { return renewKeys(ctx, o, cfg) }), o.Command(&cobra.Command{
		Use:   "show",
		Short: "Print the public halves of the keys that sign the audit log and backups",
		Long: `Print the public halves of the keys that sign the audit log and backups. Write them down
where who can reach the server can't alter them: "oneclaw audit verify --public-key" and
"oneclaw restore --key" take them from there.`,
	}, func(ctx context.Context, cfg config.Config) error { return showKeys(ctx, o, cfg) }))
	return cmd
}

func showKeys(ctx context.Context, o operator.Operator, cfg config.Config) error {
	keys, err := keyring.OpenExisting(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = keys.Close() }()
	for _, s := range []keyring.Series{keyring.Audit, keyring.Backup} {
		ids, err := s.IDs(ctx, keys)
		if err != nil {
			return err
		}
		for _, id := range ids {
			signer, err := keys.Signer(ctx, id)
			if err != nil {
				return err
			}
			public, err := keyring.Spell(id, signer.Public())
			if err != nil {
				return err
			}
			o.Say("%s", public)
		}
	}
	return nil
}

func rotateKey(ctx context.Context, o operator.Operator, cfg config.Config, which string) error {
	keys, err := keyring.OpenExisting(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = keys.Close() }()
	var id string
	switch which {
	case "token":
		id, err = identity.AddTokenKey(ctx, keys)
	case "audit":
		id, err = keyring.Audit.Add(ctx, keys)
	default:
		id, err = keyring.Backup.Add(ctx, keys)
	}
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "rotated_meanwhile", "Another rotation was faster. There is a new key already.")
	}
	if err != nil {
		return err
	}
	o.Say("Made the key %s.", id)
	if which != "token" {
		return nil
	}
	return setAside(ctx, o, cfg, keys)
}

// setAside moves the files of token keys that do not open out of the keystore's sight:
// a server does not start, nor see a new key, while they are there.
func setAside(ctx context.Context, o operator.Operator, cfg config.Config, keys keystore.KeyStore) error {
	bad, err := keyring.DamagedSigners(ctx, cfg, keys)
	if err != nil {
		return err
	}
	for _, k := range bad {
		if k.Account || !strings.HasPrefix(k.ID, keyring.Tokens) {
			continue
		}
		if k.File == "" {
			return keyring.DamagedError("", []keyring.DamagedKey{k}, "")
		}
		file := filepath.Join(keyring.Dir(cfg), k.File)
		if err := os.Rename(file, file+".damaged"); err != nil {
			return err
		}
		o.Say("The key %s did not open: its file is %s.damaged now. The tokens that it signed end: everybody logs in again.", k.ID, k.File)
	}
	return nil
}

// renewKeys makes the sealing keys anew that were made and are gone.
func renewKeys(ctx context.Context, o operator.Operator, cfg config.Config) error {
	keys, err := keyring.OpenExisting(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = keys.Close() }()
	db, err := operator.Look(cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	made, err := keyring.Sealing{Keys: keys, Notes: db}.Renew(ctx)
	for _, k := range made {
		o.Say("Made the key of %s anew. What the lost one sealed never opens again.", k.What)
	}
	if err == nil && len(made) == 0 {
		o.Say("No key is lost: nothing was made.")
	}
	return err
}
