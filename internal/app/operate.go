package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/process"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// operator is what the commands that look after a server have in common: they
// read its settings as serve does, and work on its database and keystore.
type operator struct {
	Deps
	file, data string
}

// command adds the common flags, and runs do with the settings.
func (o *operator) command(cmd *cobra.Command, do func(ctx context.Context, cfg config.Config) error) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.Flags().StringVar(&o.file, "config", "", "file with settings, as for oneclaw serve")
	cmd.Flags().StringVar(&o.data, "data", "", "folder of the data")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Read(o.Environ, o.file)
		if err != nil {
			return err
		}
		override(&cfg, "", "", o.data)
		syscall.Umask(0o077)
		process.NoCoreDumps()
		return do(cmd.Context(), cfg)
	}
	return cmd
}

func (o *operator) say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Stdout, format+"\n", args...)
}

// look opens the configured database beside a server that may run on it.
func look(cfg config.Config) (*store.DB, error) {
	return store.Look(store.Config{Dir: cfg.Data, PostgresDSN: string(cfg.DatabaseURL.Reveal())})
}

// patience is how long a command waits for a PostgreSQL that answers nothing at all.
const patience = 30 * time.Second

// existingKeystore opens the keystore, and never makes one.
func existingKeystore(ctx context.Context, cfg config.Config) (keystore.KeyStore, error) {
	if cfg.Keystore != "pkcs11" {
		if _, err := os.Stat(filepath.Join(keystoreDir(cfg), "root.key")); err != nil {
			return nil, fault.Wrap(err, fault.NotFound, "no_keystore",
				"There is no keystore in "+keystoreDir(cfg)+". Without its keys nothing in the database opens. Name it with ONECLAW_KEYSTORE_DIR, or restore it from its backup.")
		}
	}
	keys, err := openKeystore(ctx, cfg)
	if err != nil {
		return nil, err // keys may hold a nil pointer of some type, which is not nil
	}
	return keys, nil
}

// codeDamaged says that all is well but for values that do not open.
const codeDamaged = "values_damaged"

// inspection is what was found in a database with its keystore.
type inspection struct {
	vaults, values, logs int
	events               uint64
	unsealed             []lostKey // what else was sealed under a key that is not there, or can't be used
	lost                 []lostKey // vaults that are there, and whose key is not, or can't be used
	problems             []string
	torn                 error    // pages that do not fit together; among the problems too
	opening              *opening // nil: not everything was opened
	unwalked             bool     // a key that signed the log can't be used
}

// err is the first problem. That no vault at all has its key means another
// keystore.
func (i *inspection) err() error {
	switch {
	case len(i.problems) > 0:
		return fault.New(fault.Internal, "verification_failed", i.problems[0])
	case i.unwalked:
		return fault.New(fault.Internal, "verification_failed", "The audit log was not walked: a key that signed it does not open.")
	case len(i.lost) > 0 && len(i.lost) == i.vaults:
		return fault.New(fault.Invalid, "other_keystore", "The keystore has the key of no vault in the database: it is another one's.")
	case len(i.lost) > 0 && i.opening != nil:
		return fault.New(fault.Damaged, codeDamaged, fmt.Sprintf("The keystore has no key that opens %s, and so for %d of %d vaults.", i.lost[0].of, len(i.lost), i.vaults))
	case i.opening != nil && i.opening.damaged > 0:
		return fault.New(fault.Damaged, codeDamaged, fmt.Sprintf("%d of %d stored values and texts are damaged: %s.",
			i.opening.damaged, i.opening.opened, strings.Join(i.opening.lines(), "; ")))
	}
	return nil
}

// tell says what was found to be in order, and which vaults are lost.
func (o *operator) tell(i *inspection) {
	o.say("Checked: %d logs with %d events are whole, %d of %d vaults hold values, %d open.", i.logs, i.events, i.values, i.vaults, i.vaults-len(i.lost))
	if i.opening != nil {
		o.say("Opened: %d versions and other sealed things, of which %d are damaged.", i.opening.opened, i.opening.damaged)
		for _, line := range i.opening.lines() {
			o.say("Damaged: %s.", line)
		}
	}
	for _, k := range i.lost {
		o.say("%s", k)
	}
	for _, k := range i.unsealed {
		o.say("%s Without it they must be made anew.", k)
	}
}

// inspect opens a value of every vault. When whole is set it opens everything that
// is sealed, checks the database's pages and walks every log.
func inspect(ctx context.Context, db *store.DB, keys keystore.KeyStore, whole bool, step store.Progress) (*inspection, error) {
	in := &inspection{}
	quiet := slog.New(slog.DiscardHandler)
	vaults := vault.New(db, seal.New(keys), keys, db, nil, quiet) // no request is decided here
	ids, err := db.AllVaults(ctx)
	if err != nil {
		return nil, err
	}
	lost := map[string]bool{}
	for _, id := range ids {
		path, version, found, err := db.AnyVersion(ctx, id)
		if whole {
			path = "" // all are opened below
		}
		if err == nil {
			err = vaults.Probe(ctx, id, path, version)
		}
		switch {
		case fault.Is(err, fault.Unavailable):
			return nil, err
		case fault.CodeOf(err) == seal.CodeKeyLost:
			in.lost = append(in.lost, newLostKey(ctx, keys, "vault "+id, err))
			lost[id] = true
		case err != nil:
			in.problems = append(in.problems, "The values of vault "+id+" do not open: the keystore has another key for it, or they were altered.")
		}
		in.vaults++
		if found {
			in.values++
		}
	}
	if in.unsealed, err = unsealed(ctx, db, keys); err != nil {
		return nil, err
	}
	if whole {
		process.LetServersRunFirst()
		if in.opening, err = openAll(ctx, db, keys, vaults, lost, step); err != nil {
			return nil, err
		}
	}
	log := &audit.Log{Store: db, Keys: keys, Newest: auditKeyIDs(keys), Now: now, Log: quiet}
	if whole {
		if err := db.Check(ctx); fault.CodeOf(err) == audit.CodeDamaged {
			in.torn = err
			in.problems = append(in.problems, "The database is damaged: its pages do not fit together.")
		} else if err != nil {
			return nil, err
		}
	}
	orgs, err := db.Chains(ctx)
	for _, org := range orgs {
		in.logs++
		if !whole {
			continue
		}
		r, err := log.Verify(ctx, org, audit.Whole)
		if fault.CodeOf(err) == audit.CodeKeyUnusable {
			in.unwalked = true
			break
		}
		if err != nil {
			return nil, err
		}
		if in.events += r.Events; !r.OK {
			in.problems = append(in.problems, "The audit log of organisation "+org+" is not whole: "+r.Problem+".")
		}
	}
	return in, err
}

// progressEach is how long a command that copies much is silent.
const progressEach = 5 * time.Second

// progress says on the standard error how far a long copy has come.
func (o *operator) progress(what string) store.Progress {
	said := now()
	return func(table string, rows int64) {
		if now().Sub(said) < progressEach {
			return
		}
		said = now()
		_, _ = fmt.Fprintf(o.Stderr, "... %d %s %s\n", rows, what, table)
	}
}

// copyKeys copies a software keystore's files that are not copied yet: they never
// change but by being destroyed. A key that is destroyed meanwhile is left out.
func copyKeys(from, to string) (n int, err error) {
	entries, err := os.ReadDir(from)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || filepath.Ext(e.Name()) != ".key" {
			continue // what a crash left of a key that nobody got
		}
		err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, store.SyncFile(to)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
