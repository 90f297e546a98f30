// Package operator is what the commands that look after a server have in common.
//
// Its promise: a command reads the settings as the server does, opens the database
// beside servers that run on it, and says what it does in one place. It leaves no
// core file and no file that others may read.
package operator

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/process"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// Operator is what a command uses of the world.
type Operator struct {
	Stdout, Stderr io.Writer
	Environ        []string // KEY=VALUE
	Version        string
	Now            func() time.Time
}

// Command adds the common flags to a command, which runs do with the settings.
func (o Operator) Command(cmd *cobra.Command, do func(ctx context.Context, cfg config.Config) error) *cobra.Command {
	var file, data string
	cmd.Args = cobra.NoArgs
	cmd.Flags().StringVar(&file, "config", "", "file with settings, as for oneclaw serve")
	cmd.Flags().StringVar(&data, "data", "", "folder of the data")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Read(o.Environ, file)
		if err != nil {
			return err
		}
		if data != "" {
			cfg.Data = data
		}
		process.OwnFilesOnly()
		process.NoCoreDumps()
		return do(cmd.Context(), cfg)
	}
	return cmd
}

// Say prints a line.
func (o Operator) Say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Stdout, format+"\n", args...)
}

// Warn prints a line on the standard error.
func (o Operator) Warn(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Stderr, "warning: "+format+"\n", args...)
}

// progressEach is how long a command that copies much is silent.
const progressEach = 5 * time.Second

// Progress says on the standard error how far a long copy has come.
func (o Operator) Progress(what string) transfer.Progress {
	said := o.Now()
	return func(table string, rows int64) {
		if o.Now().Sub(said) < progressEach {
			return
		}
		said = o.Now()
		_, _ = fmt.Fprintf(o.Stderr, "... %d %s %s\n", rows, what, table)
	}
}

// Look opens the configured database beside a server that may run on it.
func Look(cfg config.Config) (*store.DB, error) {
	return store.Look(store.Config{Dir: cfg.Data, PostgresDSN: string(cfg.DatabaseURL.Reveal())})
}

// Patience is how long a command waits for a PostgreSQL that answers nothing at all.
const Patience = 30 * time.Second
