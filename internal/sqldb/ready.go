package sqldb

import (
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Ready returns nil when the last batch was written, the database answers, and no batch
// found it damaged.
// Otherwise its code says what is wrong.
func (db *DB) Ready() error {
	if db.Away() {
		return fault.New(fault.Unavailable, "database_unavailable", "The database does not answer.")
	}
	if err := db.inPlace(); err != nil {
		return err
	}
	if db.writer.Torn() {
		return fault.New(fault.Damaged, audit.CodeDamaged, "The database is damaged: stop the server, and run oneclaw doctor --full.")
	}
	if err := db.writer.Ailing(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "log_not_written", "The log can't be written: is the disk full, or the database held by somebody?")
	}
	return nil
}

// Unwritten reports whether the last batch failed by the database's fault, and the
// database answers.
func (db *DB) Unwritten() bool { return db.writer.Ailing() != nil && !db.Away() }
