// Package datadir is the folder of a server's data, but for the database in it.
//
// Its promise: a folder that others may write to is refused, files are replaced as
// a whole, and a file that is damaged is told from one that is not there.
package datadir

import (
	"fmt"
	"os"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
)

// Prepare makes the folder, and refuses one that others may write to:
// they could put another database or keystore in place of ours.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Invalid, "data_unusable", "The data folder can't be made. Give another with --data or ONECLAW_DATA.")
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the data folder: %w", err)
	}
	if files.OthersMay(info, 0o022) {
		return fault.New(fault.Invalid, "data_exposed", "Others on this machine may write to the data folder. Take that away: chmod go-w.")
	}
	return nil
}
