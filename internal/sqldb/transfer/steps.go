package transfer

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// Untold names a column that is in the database, and that the steps of the schema up to
// version do not make: the table in which steps are noted has lost rows, and a start
// would run them again. Empty: there is none. The steps are run on an empty database in
// a temporary folder.
func Untold(ctx context.Context, db *sqldb.DB, version int64) (column string, err error) {
	has, err := columnsOf(ctx, db)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "oneclaw-schema-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	made, err := sqldb.OpenBare(sqldb.Config{Dir: dir}, db.Parts())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	if err := made.MigrateTo(ctx, version); err != nil {
		return "", err
	}
	want, err := columnsOf(ctx, made)
	if err != nil {
		return "", err
	}
	for _, c := range has {
		if !slices.Contains(want, c) {
			return c, nil
		}
	}
	return "", nil
}

// columnsOf are the columns of all tables, each after the name of its table.
func columnsOf(ctx context.Context, db *sqldb.DB) (all []string, err error) {
	tables, err := tablesOf(ctx, db)
	for table, columns := range tables {
		for _, c := range columns {
			all = append(all, table+"."+c.name)
		}
	}
	slices.Sort(all)
	return all, err
}
