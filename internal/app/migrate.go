package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

func (d Deps) migrate() *cobra.Command {
	o := &operator{Deps: d}
	var from string
	cmd := &cobra.Command{
		Use:   "migrate --from DIR",
		Short: "Move from SQLite to PostgreSQL",
		Long: `Copy the SQLite database in DIR into the empty PostgreSQL database that
ONECLAW_DATABASE_URL_FILE names, in one transaction, and check what arrived. The server
on the SQLite database must be stopped, and can't be started meanwhile. The source is not
changed: remove it when the new server runs. Stopped before its end it leaves the target
empty, and may be started again. The keystore stays where it is.`,
	}
	cmd.Flags().StringVar(&from, "from", "", "data folder of the SQLite server (required)")
	return o.command(cmd, func(ctx context.Context, cfg config.Config) error {
		switch {
		case from == "":
			return fault.New(fault.Invalid, "usage", "Say what to move with --from DIR.")
		case cfg.DatabaseURL.Len() == 0:
			return fault.New(fault.Invalid, "usage", "Say where to with ONECLAW_DATABASE_URL_FILE, a file that holds a PostgreSQL connection string.")
		}
		target := store.Config{PostgresDSN: string(cfg.DatabaseURL.Reveal())}
		if o.data == "" {
			cfg.Data = from // the keystore is where it was
		}
		keys, err := existingKeystore(ctx, cfg)
		if err != nil {
			return err
		}
		defer func() { _ = keys.Close() }()
		cfg.DatabaseURL, cfg.Data = secret.Bytes{}, from
		source, err := look(cfg)
		if err != nil {
			return err
		}
		defer func() { _ = source.Close() }()
		if err := source.Hold(from); err != nil {
			return err
		}
		in, err := inspect(ctx, source, keys, true, o.progress("of the"))
		if err == nil {
			err = in.err()
		}
		if err != nil && fault.CodeOf(err) != codeDamaged { // a copy of what is damaged is no worse
			return err
		}
		rows, err := transfer.Transfer(ctx, source.DB, target, o.progress("rows of"))
		if fault.CodeOf(err) == "target_not_empty" {
			return o.arrivedBefore(ctx, source, target, err)
		}
		if err != nil {
			return err
		}
		total := int64(0)
		for _, n := range rows {
			total += n.Rows
		}
		o.say("Moved %d rows of %d tables; each arrived as it was.", total, len(rows))
		moved, err := store.Look(target)
		if err != nil {
			return err
		}
		in, err = inspect(ctx, moved, keys, true, o.progress("of the"))
		if err = errors.Join(err, moved.Close()); err == nil {
			err = in.err()
		}
		if err != nil && fault.CodeOf(err) != codeDamaged {
			return fmt.Errorf("check the target: %w", err)
		}
		o.tell(in)
		o.say("Start the server with ONECLAW_DATABASE_URL_FILE and the same keystore now. Then remove %s from %s.", databaseFile, from)
		return nil
	})
}

// arrivedBefore looks whether the target, which is not empty, holds what the source
// does: then an earlier run was cut off after its end.
func (o *operator) arrivedBefore(ctx context.Context, source *store.DB, target store.Config, refusal error) error {
	moved, err := store.Look(target)
	if err != nil {
		return err
	}
	a, err := transfer.Sums(ctx, source.DB, o.progress("rows of"))
	b, err2 := transfer.Sums(ctx, moved.DB, o.progress("rows of"))
	if err := errors.Join(err, err2, moved.Close()); err != nil {
		return err
	}
	if transfer.Differing(a, b) != "" {
		return refusal
	}
	o.say("All had arrived already: an earlier run was cut off at its end. Start the server with ONECLAW_DATABASE_URL_FILE and the same keystore now.")
	return nil
}
