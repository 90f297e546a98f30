package store

import (
	"errors"
	"fmt"
	"os"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// codeReplaced is the code of a server whose database file is not the one that it opened.
const codeReplaced = "database_replaced"

// errOtherFile marks a failure of the database, as a batch's are.
var errOtherFile error = &stageError{errors.New("the database file is not the one that was opened")}

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

// placed notes which file was opened.
func (db *DB) placed(path string) (err error) {
	db.path = path
	db.file, err = os.Stat(path)
	return err
}
