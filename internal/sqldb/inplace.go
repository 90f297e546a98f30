package sqldb

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// codeReplaced is the code of a server whose database file is not the one that it opened.
const codeReplaced = "database_replaced"

// errOtherFile marks a failure of the database, as a batch's are.
var errOtherFile = commit.OfAll(errors.New("the database file is not the one that was opened"))

// inPlace refuses when the file of SQLite is not where it was opened: SQLite would go on
// writing to one without a name, and all of that would be gone with the process.
func (db *DB) inPlace() error {
	if db.file == nil {
		return nil
	}
	found, err := os.Stat(db.path)
	if err == nil && os.SameFile(db.file, found) {
		return nil
	}
	return fault.Wrap(fmt.Errorf("%w: %v", errOtherFile, err), fault.Unavailable, codeReplaced, //nolint:errorlint // the other cause is for the log
		"The database file was removed, moved or replaced under the running server. Put it back, or stop the server and restore it.")
}

// placedFor is how long the writer takes it for granted that the file is where it was,
// before it appends events that need not be on disk yet. To look costs 1 % of a read.
const placedFor = 20 * time.Millisecond

// inPlaceFor is inPlace for a batch; the writer alone calls it. What is to be durable is
// not written without a look.
func (db *DB) inPlaceFor(durable bool) error {
	now := db.age()
	if !durable && now < db.placedUntil {
		return nil
	}
	db.placedUntil = 0
	err := db.inPlace()
	if err == nil {
		db.placedUntil = now + placedFor
	}
	return err
}

// placed notes which file was opened.
func (db *DB) placed(path string) (err error) {
	db.path = path
	db.file, err = os.Stat(path)
	return err
}
