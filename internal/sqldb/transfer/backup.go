package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// Backup writes a copy of the database as it is at one moment into dir, which
// must be an empty folder, as a SQLite file whatever the engine, and returns what
// each table holds. Servers go on meanwhile: it holds one snapshot on a connection of
// its own, of PostgreSQL for a short time (see copyEarly), and bounded memory. When it returns no error the pages of the database fit
// together, the copy is on disk, its pages do too, and what was read back from it is
// what the database has.
func Backup(ctx context.Context, db *sqldb.DB, dir string, progress Progress) (map[string]Sum, error) {
	return BackupEarly(ctx, db, dir, earlyOfBackup(), progress)
}

// BackupEarly is Backup with another measure of what of PostgreSQL is copied early.
func BackupEarly(ctx context.Context, db *sqldb.DB, dir string, early Early, progress Progress) (map[string]Sum, error) {
	file := filepath.Join(dir, sqldb.File)
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Conflict, "folder_not_empty", "There is a copy of a database in "+dir+" already.")
	}
	// A copy may be whole that was made of what is not: rows that can't be found are not copied.
	err := db.Check(ctx)
	var sums map[string]Sum
	if err == nil {
		sums, err = copyInto(ctx, db, dir, early, progress)
	}
	if fault.CodeOf(err) == audit.CodeDamaged {
		return nil, fault.Wrap(err, fault.Damaged, audit.CodeDamaged, "The database is damaged, and no backup is made of it: restore would refuse it. "+
			"Stop the server, keep its data folder for who may repair it, and restore the last backup that was made without an error. Is the disk failing?")
	}
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(file, 0o600), files.Sync(file), files.Sync(dir)); err != nil {
		return nil, err
	}
	read, err := CheckCopy(ctx, dir, progress)
	if err != nil {
		return nil, err
	}
	if name := Differing(sums, read); name != "" {
		return nil, fault.New(fault.Internal, "copy_damaged", "What was read back of table "+name+" is not what the database has. Is the disk failing?")
	}
	return sums, nil
}

func copyInto(ctx context.Context, db *sqldb.DB, dir string, early Early, progress Progress) (map[string]Sum, error) {
	if !db.Postgres() {
		return copyFile(ctx, db, filepath.Join(dir, sqldb.File), progress)
	}
	have, want, err := db.Schema(ctx)
	if err != nil {
		return nil, err
	}
	if have > want {
		return nil, fault.New(fault.Conflict, "schema_differs",
			fmt.Sprintf("The database has schema %d, and this version of oneclaw knows %d. Make the backup with the later version.", have, want))
	}
	// In a folder of its own: what else lies in dir, such as a lock, is not the transfer's.
	within, err := os.MkdirTemp(dir, ".copying-")
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "folder_unusable", "The copy of the database can't be made there.")
	}
	sums, err := transferTo(ctx, db, sqldb.Config{Dir: within}, have, transferPatience, how{scratch: true, early: early}, progress)
	if err == nil {
		err = os.Rename(filepath.Join(within, sqldb.File), filepath.Join(dir, sqldb.File))
	}
	return sums, errors.Join(err, os.RemoveAll(within))
}

// copyFile copies a SQLite database of whatever schema into a new file, within one
// transaction: rows that are summed are those that were copied. The copy needs no
// journal, for it is thrown away when anything fails.
func copyFile(ctx context.Context, db *sqldb.DB, file string, progress Progress) (sums map[string]Sum, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "folder_unusable", "The copy of the database can't be made there.")
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	conn, err := db.WriteConn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	run := func(ctx context.Context, query string, args ...any) {
		if err == nil {
			_, err = conn.ExecContext(ctx, query, args...)
			err = driver.Wrap("copy the database", err)
		}
	}
	run(ctx, `ATTACH $1 AS copy`, file)
	run(ctx, `PRAGMA copy.journal_mode=OFF`)
	run(ctx, `PRAGMA copy.synchronous=OFF`)
	run(ctx, `BEGIN`) // of main it only reads: the server writes on
	if err != nil {
		return nil, err
	}
	if sums, err = copyTables(ctx, conn, progress); err == nil {
		run(ctx, `COMMIT`)
	}
	if err != nil {
		_, rollback := conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return nil, errors.Join(err, rollback)
	}
	run(ctx, `DETACH copy`)
	return sums, err
}

// copyTables copies the schema as it is and the rows of all tables.
func copyTables(ctx context.Context, conn *sql.Conn, progress Progress) (map[string]Sum, error) {
	var tables, statements []string
	rows, err := conn.QueryContext(ctx, `SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name`)
	if err != nil {
		return nil, driver.Wrap("read the schema", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() { // tables come before their indexes
		var what, name, text string
		if err := rows.Scan(&what, &name, &text); err != nil {
			return nil, driver.Wrap("read the schema", err)
		}
		if what == "table" {
			tables = append(tables, name)
		}
		made, ok := inCopy(text)
		if !ok {
			return nil, fmt.Errorf("the schema has a %s, which can't be copied", what)
		}
		statements = append(statements, made)
	}
	if err := rows.Err(); err != nil {
		return nil, driver.Wrap("read the schema", err)
	}
	for _, name := range tables {
		statements = append(statements, `INSERT INTO copy.`+quote(name)+` SELECT * FROM main.`+quote(name))
	}
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return nil, driver.Wrap("copy the database", err)
		}
	}
	return end{q: conn}.sums(ctx, progress)
}

// inCopy is a statement of a schema, which SQLite keeps in one spelling, for the
// database that is attached as copy.
func inCopy(text string) (string, bool) {
	for _, begin := range []string{"CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "} {
		if rest, ok := strings.CutPrefix(text, begin); ok {
			return begin + "copy." + rest, true
		}
	}
	return "", false
}

// CheckCopy asks SQLite whether a copy's pages fit together, and returns what each of
// its tables holds. It writes nothing there.
func CheckCopy(ctx context.Context, dir string, progress Progress) (sums map[string]Sum, err error) {
	db, err := sqldb.LookAtCopy(dir, sqldb.Parts{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Check(ctx); fault.CodeOf(err) == audit.CodeDamaged {
		return nil, fault.Wrap(err, fault.Damaged, "copy_damaged", "The copy of the database is damaged: its pages do not fit together. Is the disk full or failing?")
	} else if err != nil {
		return nil, err
	}
	return Sums(ctx, db, progress)
}
