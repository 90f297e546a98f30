package ops

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/ops/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

func migrate(o operator.Operator) *cobra.Command {
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
	return o.Command(cmd, func(ctx context.Context, cfg config.Config) error {
		switch {
		case from == "":
			return fault.New(fault.Invalid, "usage", "Say what to move with --from DIR.")
		case cfg.DatabaseURL.Len() == 0:
			return fault.New(fault.Invalid, "usage", "Say where to with ONECLAW_DATABASE_URL_FILE, a file that holds a PostgreSQL connection string.")
		}
		target := store.Config{PostgresDSN: string(cfg.DatabaseURL.Reveal())}
		if data, err := cmd.Flags().GetString("data"); err != nil {
			return err
		} else if data == "" {
			cfg.Data = from // the keystore is where it was
		}
		keys, err := keyring.OpenExisting(ctx, cfg)
		if err != nil {
			return err
		}
		defer func() { _ = keys.Close() }()
		cfg.DatabaseURL, cfg.Data = secret.Bytes{}, from
		source, err := operator.Look(cfg)
		if err != nil {
			return err
		}
		defer func() { _ = source.Close() }()
		if err := source.Hold(from); err != nil {
			return err
		}
		in, err := inspect.Database(ctx, source, keys, datadir.Anchor{Dir: cfg.Data}, true, o.Now, o.Progress("of the"))
		if err == nil {
			err = in.Err()
		}
		if err != nil && !inspect.Movable(err) { // a copy of what is damaged is no worse
			return err
		}
		rows, err := transfer.Transfer(ctx, source.DB, target, o.Progress("rows of"))
		if fault.CodeOf(err) == "target_not_empty" {
			return arrivedBefore(ctx, o, source, target, err)
		}
		if err != nil {
			return err
		}
		total := int64(0)
		for _, n := range rows {
			total += n.Rows
		}
		o.Say("Moved %d rows of %d tables; each arrived as it was.", total, len(rows))
		moved, err := store.Look(target)
		if err != nil {
			return err
		}
		in, err = inspect.Database(ctx, moved, keys, datadir.Anchor{Dir: cfg.Data}, true, o.Now, o.Progress("of the"))
		if err = errors.Join(err, moved.Close()); err == nil {
			err = in.Err()
		}
		if err != nil && !inspect.Movable(err) {
			return fmt.Errorf("check the target: %w", err)
		}
		for _, line := range in.Lines() {
			o.Say("%s", line)
		}
		o.Say("Start the server with ONECLAW_DATABASE_URL_FILE and the same keystore now. Then remove %s from %s.", sqldb.File, from)
		return nil
	})
}

// arrivedBefore looks whether the target, which is not empty, holds what the source
// does: then an earlier run was cut off after its end.
func arrivedBefore(ctx context.Context, o operator.Operator, source *store.DB, target store.Config, refusal error) error {
	moved, err := store.Look(target)
	if err != nil {
		return err
	}
	a, err := transfer.Sums(ctx, source.DB, o.Progress("rows of"))
	b, err2 := transfer.Sums(ctx, moved.DB, o.Progress("rows of"))
	if err := errors.Join(err, err2, moved.Close()); err != nil {
		return err
	}
	if transfer.Differing(a, b) != "" {
		return refusal
	}
	o.Say("All had arrived already: an earlier run was cut off at its end. Start the server with ONECLAW_DATABASE_URL_FILE and the same keystore now.")
	return nil
}
