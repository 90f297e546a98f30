package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/faultlog"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/process"
)

// Deps is what the server's commands use of the world.
type Deps struct {
	Stdout, Stderr io.Writer
	Environ        []string // KEY=VALUE
	Version        string
}

// Commands returns `dev` and `serve`.
func Commands(d Deps) []*cobra.Command {
	return []*cobra.Command{d.dev(), d.serve()}
}

func (d Deps) dev() *cobra.Command {
	var listen, shroud, data string
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine, with nothing to install",
		Long: `Run the API, the MCP endpoint and the dashboard on this machine, on SQLite and a
software keystore. The first start creates an owner and an agent, and prints how to log
in; restarting keeps all data. Not for more than one person: use "oneclaw serve" there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Read(d.Environ, "")
			if err != nil {
				return err
			}
			cfg.Dev, cfg.Signup = true, true
			override(&cfg, listen, shroud, data)
			return d.run(cmd.Context(), cfg)
		},
	}
	flags(cmd, &listen, &shroud, &data)
	return cmd
}

func (d Deps) serve() *cobra.Command {
	var listen, shroud, data, file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server in production",
		Long: `Run the server. Settings come from ONECLAW_* variables, and below them from the file
given with --config, one ONECLAW_NAME=VALUE a line. docs/config.md lists them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Read(d.Environ, file)
			if err != nil {
				return err
			}
			override(&cfg, listen, shroud, data)
			return d.run(cmd.Context(), cfg)
		},
	}
	flags(cmd, &listen, &shroud, &data)
	cmd.Flags().StringVar(&file, "config", "", "file with settings")
	return cmd
}

func flags(cmd *cobra.Command, listen, shroud, data *string) {
	cmd.Flags().StringVar(listen, "listen", "", "where the API listens, HOST:PORT (port 0: a free one)")
	cmd.Flags().StringVar(shroud, "shroud-listen", "", "where Shroud listens, HOST:PORT")
	cmd.Flags().StringVar(data, "data", "", "folder of the data")
}

// override puts flags above variables.
func override(cfg *config.Config, listen, shroud, data string) {
	for _, f := range []struct {
		to   *string
		flag string
	}{{&cfg.Listen, listen}, {&cfg.ShroudListen, shroud}, {&cfg.Data, data}} {
		if f.flag != "" {
			*f.to = f.flag
		}
	}
}

// run serves until SIGTERM or SIGINT. SIGHUP has files that were replaced looked at.
func (d Deps) run(ctx context.Context, cfg config.Config) (err error) {
	if err := cfg.Check(); err != nil {
		return err
	}
	stops, hurry := []os.Signal{os.Interrupt, syscall.SIGTERM}, make(chan os.Signal, 1)
	if out, ok := d.Stdout.(*os.File); ok && cfg.Dev && term.IsTerminal(int(out.Fd())) {
		stops = append(stops, syscall.SIGHUP) // it ends with its terminal
	} else {
		signal.Notify(hurry, syscall.SIGHUP)
		defer signal.Stop(hurry)
	}
	ctx, stop := signal.NotifyContext(ctx, stops...)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	process.OwnFilesOnly()
	process.NoCoreDumps()
	log := d.logger(cfg)
	debug.SetGCPercent(gcPercent)
	if debug.SetMemoryLimit(-1) == math.MaxInt64 { // GOMEMLIMIT is not set
		debug.SetMemoryLimit(frugalFrom)
	}
	l, err := listen.Open(ctx, cfg, log)
	if err != nil {
		return err
	}
	a, err := New(ctx, cfg, l, d.Version, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	ready := func() error {
		if l.At.Metrics != "" {
			log.Info("serving metrics", slog.String("metrics", l.At.Metrics))
		}
		log.Info("serving", slog.String("api", l.At.API), slog.String("shroud", l.At.Shroud), slog.String("database", a.db.Engine()),
			slog.String("keystore", cfg.Keystore), slog.String("version", d.Version))
		return nil
	}
	if cfg.Dev {
		ready, err = a.devReady(ctx, l.At, d.Stdout)
	} else {
		err = a.ensureOwner(ctx, l.At.API)
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return a.Serve(ctx, l, hurry, ready)
}

// gcPercent lets the heap grow to four times what is live before it is
// collected: the live heap is a few megabytes, so this costs little memory and
// saves a tenth of the CPU of a read.
const gcPercent = 300

// frugalFrom is how many bytes of memory let the collector work harder than that:
// large values under way would take four times their size.
const frugalFrom = 384 << 20

func (a *App) devReady(ctx context.Context, at listen.Addresses, out io.Writer) (func() error, error) {
	owner, err := a.DevSetup(ctx)
	if err == nil { // a start that is refused leaves what may be the last copy
		err = a.DevForget()
	}
	return func() error { return a.DevAnnounce(owner, at, out) }, err
}

// ensureOwner creates the configured owner on a server without users. Where none is
// configured, the page at address makes one of who has the code that is printed here.
func (a *App) ensureOwner(ctx context.Context, address string) error {
	have, err := a.db.HasUsers(ctx)
	switch {
	case err != nil || have:
		return err
	case a.cfg.OwnerEmail == "":
		code, err := a.accounts.OfferSetup(ctx)
		if err == nil {
			a.log.Warn("this server has no owner yet: open its page and enter the code, within a day", slog.String("page", address+"/setup"), slog.String("code", code))
		}
		return err
	}
	made, err := a.accounts.EnsureOwner(ctx, a.cfg.OwnerEmail, a.cfg.OwnerPassword)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
		return fault.New(fault.Invalid, e.Code, "The owner of ONECLAW_OWNER_EMAIL and ONECLAW_OWNER_PASSWORD_FILE can't be created. "+e.Detail)
	}
	if made {
		// Of the address only where its mails go: logs are read by more people than the list of users.
		_, domain, _ := strings.Cut(a.cfg.OwnerEmail, "@")
		a.log.Info("the owner was created", slog.String("email", "...@"+domain))
	}
	return err
}

func (d Deps) logger(cfg config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(faultlog.New(slog.NewJSONHandler(d.Stderr, opts), now))
	}
	return slog.New(faultlog.New(slog.NewTextHandler(d.Stderr, opts), now))
}
