// Package doctor checks what a server stands on.
//
// Its promise: it changes nothing, prints no secret, and says of each thing that is
// not as it should be what is to be done.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/ops/backup"
	"github.com/oneclaw-dev/oneclaw/internal/ops/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// Command is `oneclaw doctor`.
func Command(o operator.Operator) *cobra.Command {
	var whole bool
	var named string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check settings, database, keys, log and certificate",
		Long: `Check what a server stands on, also while it runs: settings, the modes of its folders,
free space, the database and its schema, the keystore, its signing keys and the key of
every vault, the end of the audit log against what was signed, the clock, the certificate
and the mail settings.
It changes nothing and prints no secrets. The exit code is 1 when something is wrong.

All but one check is of the folder, database and keystore that the settings name. Whether
the server answers is asked at --api-url, ONECLAW_BASE_URL or ONECLAW_API_URL, or else
where the settings say that it listens.`,
	}
	cmd.Flags().StringVar(&named, "api-url", "", "address of the server that is asked whether it is well")
	cmd.Flags().BoolVar(&whole, "full", false, "open every stored value, walk all of the audit log and not only its end, and check the pages of the database")
	return o.Command(cmd, func(ctx context.Context, cfg config.Config) error {
		e := &examination{Operator: o, cfg: cfg, named: named}
		e.settings()
		e.folders()
		e.space()
		e.certificate()
		e.server(ctx)
		e.stores(ctx, whole)
		if e.bad > 0 {
			return fault.New(fault.Damaged, "unwell", fmt.Sprintf("%d checks failed.", e.bad))
		}
		return nil
	})
}

// examination prints a line for each check.
type examination struct {
	operator.Operator
	cfg   config.Config
	named string // the server's address, as --api-url gives it
	bad   int
}

// line prints what was found, within the width of a terminal.
func (e *examination) line(verdict, what, format string, args []any) {
	text := fmt.Sprintf("%-4s  %-12s ", verdict, what) + fmt.Sprintf(format, args...)
	const indent = "                   "
	e.Say("%s", console.New(console.Console{Stdout: e.Stdout}).WrapFor(e.Stdout, text, indent))
}

func (e *examination) ok(what, format string, args ...any) {
	e.line("ok", what, format, args)
}

func (e *examination) warn(what, format string, args ...any) {
	e.line("warn", what, format, args)
}

func (e *examination) fail(what, format string, args ...any) {
	e.bad++
	e.line("FAIL", what, format, args)
}

// failed prints the sentence of a fault, and of a database or keystore that does not
// serve its own words; other errors may name what is secret.
func (e *examination) failed(what string, err error) {
	detail := "It could not be checked."
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Detail != "" {
		detail = f.Detail
		if f.Kind == fault.Unavailable && f.Err != nil {
			detail += " (" + strings.Join(strings.Fields(f.Err.Error()), " ") + ")"
		}
	}
	e.fail(what, "%s", detail)
}

func (e *examination) settings() {
	if err := e.cfg.Check(); err != nil {
		e.failed("settings", err)
		return
	}
	e.ok("settings", "can be served with")
	if e.cfg.SMTPHost == "" {
		e.warn("mail", "No mail server is set: mails are written to %s.", filepath.Join(e.cfg.Data, "outbox"))
	} else {
		e.ok("mail", "goes to %s:%d with TLS %s; whether it answers was not tried", e.cfg.SMTPHost, e.cfg.SMTPPort, e.cfg.SMTPTLS)
	}
}

func (e *examination) folders() {
	dirs := map[string]string{"data folder": e.cfg.Data}
	if e.cfg.Keystore != "pkcs11" {
		dirs["keys folder"] = keyring.Dir(e.cfg)
	}
	for what, dir := range dirs {
		info, err := os.Stat(dir)
		switch {
		case err != nil:
			e.fail(what, "%s is not there, or can't be reached.", dir)
		case files.OthersMay(info, 0o022):
			e.fail(what, "Others may write to %s: chmod go-w.", dir)
		case dir == e.cfg.Data && !files.Writable(dir):
			e.fail(what, "%s can't be written to, and so no server starts on it: is it mounted read-only?", dir)
		case files.OthersMay(info, 0o055):
			e.warn(what, "Others may look into %s: chmod 700.", dir)
		default:
			e.ok(what, "%s", dir)
		}
	}
	if err := backup.RefuseUnfinished(e.cfg.Data); fault.CodeOf(err) == backup.CodeUnfinished {
		e.failed("restore", err)
	}
}

// enoughSpace is how much free space in the data folder is no worry: the log of writes
// grows to 64 MiB as a rule, and to what is written while a backup reads.
const enoughSpace = 1 << 30

// space looks at the file system of the data folder, and at that of the keystore's
// folder when it is another one.
func (e *examination) space() {
	free, err := files.Free(e.cfg.Data)
	e.free("data folder", free, err, "When it is full nothing is served")
	if keys := keyring.Dir(e.cfg); e.cfg.Keystore != "pkcs11" && files.System(keys) != files.System(e.cfg.Data) {
		free, err := files.Free(keys)
		e.free("keys folder", free, err, "When it is full no vault is made and no key replaced")
	}
}

func (e *examination) free(where string, free uint64, err error, full string) {
	switch {
	case errors.Is(err, fs.ErrNotExist): // the folder's own line says so
	case err != nil:
		e.warn("disk space", "It can't be told of the %s.", where)
	case free < enoughSpace:
		e.warn("disk space", "%d MiB are free in the %s. %s: make room for 1 GiB and more.", free>>20, where, full)
	default:
		e.ok("disk space", "%d MiB are free in the %s", free>>20, where)
	}
}

// How long before its end a certificate is worth a warning.
const certificateWarning = 14 * 24 * time.Hour

func (e *examination) certificate() {
	if e.cfg.TLSCertFile == "" {
		return
	}
	found, err := listen.OpenFiles(e.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		e.failed("certificate", err)
		return
	}
	e.privateKey()
	leaf := found.Certificate().Leaf
	left := leaf.NotAfter.Sub(e.Now())
	switch {
	case left <= 0 || e.Now().Before(leaf.NotBefore):
		e.fail("certificate", "It is good from %s to %s only.", leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	case left < certificateWarning:
		e.warn("certificate", "It ends on %s.", leaf.NotAfter.Format(time.DateOnly))
	default:
		e.ok("certificate", "good until %s", leaf.NotAfter.Format(time.DateOnly))
	}
}

// privateKey looks at who else may read the key of the certificate. A group may, which
// is how systems share it between services.
func (e *examination) privateKey() {
	name := e.cfg.TLSKeyFile
	info, err := os.Stat(name)
	switch {
	case err != nil: // the certificate's own line says so
	case files.OthersMay(info, 0o022):
		e.fail("certificate", "Others may write to the private key %s: chmod go-w.", name)
	case files.OthersMay(info, 0o004):
		e.warn("certificate", "Everybody on this machine may read the private key %s: chmod o-r, and replace key and certificate if somebody may have read it.", name)
	}
}

// server asks the server that runs with these settings, if one does, how it is.
func (e *examination) server(ctx context.Context) {
	base, named := e.address()
	c, err := client.New(base)
	if err != nil {
		if named {
			e.fail("server", "The address that was given is none: it begins with https://, or with http:// for a server on this machine.")
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	_, err = c.Health(ctx)
	failure, _ := errors.AsType[*client.Error](err)
	switch {
	case err == nil:
		e.ok("server", "%s is healthy", base)
	case failure != nil && failure.Status == http.StatusServiceUnavailable:
		e.fail("server", "%s is degraded: %s.", base, failure.Code)
	case named:
		e.warn("server", "None answers at %s.", base)
	default:
		e.ok("server", "none answers at %s", base)
	}
}

// address is where the server is asked, and whether somebody named it. A `oneclaw dev` leaves
// its own in the data folder.
func (e *examination) address() (base string, named bool) {
	base = e.named
	for _, variable := range []string{"ONECLAW_BASE_URL=", "ONECLAW_API_URL="} {
		for _, entry := range e.Environ {
			if value, ok := strings.CutPrefix(entry, variable); ok && base == "" {
				base = strings.TrimSpace(value)
			}
		}
	}
	if base != "" {
		return strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1"), true
	}
	var dev struct {
		APIURL string `json:"api_url"`
	}
	switch {
	case e.cfg.PublicURL != "":
		return e.cfg.PublicURL, false
	case datadir.ReadJSON(filepath.Join(e.cfg.Data, "dev-credentials.json"), &dev) == nil && dev.APIURL != "":
		return dev.APIURL, false
	case e.cfg.TLSCertFile == "":
		return "http://" + e.cfg.Listen, false
	}
	return "", false
}

// serverTime is how long the doctor waits for a server.
const serverTime = 10 * time.Second

// stores looks at the database and the keystore, and at whether they fit.
func (e *examination) stores(ctx context.Context, whole bool) {
	keys, err := keyring.OpenExisting(ctx, e.cfg)
	if err != nil {
		e.failed("keystore", err)
	} else {
		defer func() { _ = keys.Close() }()
		if h := keys.Health(ctx); h.Connected {
			e.ok("keystore", "%s answers", h.Provider)
		} else {
			e.fail("keystore", "%s does not answer.", h.Provider)
		}
		e.signers(ctx, keys)
	}
	db, err := operator.Look(e.cfg)
	if err != nil {
		e.failed("database", err)
		return
	}
	ctx, failure := db.WhileAlive(ctx, operator.Patience)
	defer func() { _ = errors.Join(failure(nil), db.Close()) }()
	if !e.database(ctx, db) || keys == nil {
		return
	}
	in, err := inspect.Database(ctx, db, keys, datadir.Anchor{Dir: e.cfg.Data}, whole, e.Now, e.Progress("of the"))
	if err != nil {
		e.failed("vaults", err)
		return
	}
	for _, p := range in.Problems {
		e.fail("contents", "%s", p)
	}
	for _, log := range in.Altered {
		e.fail("log", "%s", log)
	}
	if in.Opening != nil {
		for _, line := range in.Opening.Lines() {
			e.fail("values", "Damaged: %s.", line)
		}
		if in.Opening.Damaged > 0 {
			e.warn("values", "What is damaged comes back from the last backup that was made without an error, and is gone where there is none.")
		}
		e.ok("values", "%d versions and other sealed things opened, %d damaged", in.Opening.Opened, in.Opening.Damaged)
	}
	for _, k := range in.Lost {
		e.fail("vaults", "%s", k)
	}
	for _, k := range in.Unsealed {
		e.fail("keystore", "%s", k)
	}
	if whole {
		e.unused(ctx, db, keys)
		e.accounts(ctx, db, keys)
	}
	if len(in.Lost) == 0 {
		e.ok("vaults", "%d vaults; %d hold values, and one value of each was opened", in.Vaults, in.Values)
	}
	if in.Unwalked {
		e.fail("log", "It was not walked: a key that signed it does not open.")
	} else if whole {
		e.ok("log", "%d events of %d logs walked", in.Events, in.Logs)
	}
	e.signed(ctx, db, keys)
	if err := keyring.RefuseLost(ctx, keys, db, keyring.Token, keyring.Backup); err != nil {
		e.failed("signing keys", err)
	}
}

// signers opens the keys that sign tokens, the log and backups.
func (e *examination) signers(ctx context.Context, keys keystore.KeyStore) {
	bad, err := keyring.DamagedSigners(ctx, e.cfg, keys)
	if err != nil {
		e.failed("signing keys", err)
		return
	}
	for _, k := range bad {
		e.fail("signing keys", "%s", k)
	}
	if len(bad) == 0 {
		e.ok("signing keys", "all open")
	}
}

// maxClock is how far clocks may differ before tokens of one node look as if
// they came from the future on another.
const maxClock = 2 * time.Second

func (e *examination) database(ctx context.Context, db *store.DB) bool {
	have, want, err := db.Schema(ctx)
	switch {
	case err != nil:
		e.failed("database", err)
		return false
	case have <= want && e.notes(ctx, db, have, want): // it is named
	case have > want:
		e.warn("database", "%s, schema %d: a later version of oneclaw upgraded it; this one knows %d.", db.Engine(), have, want)
	case have < want:
		e.warn("database", "%s, schema %d: the next start upgrades it to %d. Back it up first.", db.Engine(), have, want)
	default:
		e.ok("database", "%s, schema %d", db.Engine(), have)
	}
	e.privileges(ctx, db)
	ahead, err := db.Clock(ctx)
	switch {
	case err != nil:
		e.failed("clock", err)
	case ahead.Abs() > maxClock:
		e.fail("clock", "The database's clock is %v ahead of this machine's: let both follow NTP.", ahead.Round(time.Millisecond))
	default:
		e.ok("clock", "the database's differs by %v", ahead.Round(time.Millisecond))
	}
	if off, err := db.ClockOff(ctx, e.Now()); err != nil {
		e.failed("clock", err)
	} else if off != 0 {
		e.warn("clock", "It is %v off the latest time that a server saw here: a server that starts sweeps nothing for a day.", off.Round(time.Second))
	}
	if have >= want {
		e.settlements(ctx, db)
	}
	return true
}

// settlements looks for calls of models whose end could not be stored.
func (e *examination) settlements(ctx context.Context, db *store.DB) {
	n, latest, err := db.UnstoredSpends(ctx)
	switch {
	case err != nil:
		e.failed("budgets", err)
	case n > 0:
		e.warn("budgets", "The end of %d calls of models could not be stored, the latest of %s: they count at what was reserved for them. The server's log has what each did cost, and why.",
			n, latest.UTC().Format(time.DateTime))
	}
}

// notes looks whether the schema is what the notes of its steps say, and reports whether
// it is not.
func (e *examination) notes(ctx context.Context, db *store.DB, have, want int64) (bad bool) {
	flaw, err := db.SchemaFlaw(ctx, have, want)
	switch {
	case err != nil:
		e.failed("database", err)
	case flaw != "":
		e.fail("database", "%s, schema %d: the %s. No server starts on it: restore the last backup that was made without an error.", db.Engine(), have, flaw)
	}
	return err != nil || flaw != ""
}

// privileges looks at what PostgreSQL lets the server's role do.
func (e *examination) privileges(ctx context.Context, db *store.DB) {
	if only, err := db.ReadOnly(ctx); err != nil {
		e.failed("database", err)
	} else if only {
		e.fail("database", "Its sessions may only read: is it a standby, or default_transaction_read_only set?")
	}
	missing, err := db.Privileges(ctx)
	if err != nil {
		e.failed("database", err)
	}
	for _, m := range missing {
		e.fail("database", "The server's role lacks %s: GRANT it.", m)
	}
}

// signed compares the log with what this node has signed of it.
func (e *examination) signed(ctx context.Context, db *store.DB, keys keystore.KeyStore) {
	logs, other, err := inspect.Signed(ctx, db, datadir.Anchor{Dir: e.cfg.Data})
	if err != nil {
		e.failed("signed log", err)
		return
	}
	for org, seq := range other {
		e.fail("signed log", "The log of organisation %s is not the one whose event %d was signed: run oneclaw audit verify.", org, seq)
		return
	}
	ids, err := keyring.AuditIDs(keys)(ctx)
	if err != nil || len(ids) == 0 {
		e.fail("signed log", "The keystore has no key that signs the log.")
		return
	}
	signers := "1 key"
	if len(ids) > 1 {
		signers = fmt.Sprintf("%d keys", len(ids))
	}
	e.ok("signed log", "%d logs are what this node signed, with %s", logs, signers)
}
