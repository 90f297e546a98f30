// Package ops is the commands that look after a server.
//
// Its promise: each works on the configured database and keystore, also while servers
// run on them unless it says otherwise, and exits with an error when what it was to do
// is not done.
package ops

import (
	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/ops/backup"
	"github.com/oneclaw-dev/oneclaw/internal/ops/doctor"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
)

// Operator is what the commands use of the world.
type Operator = operator.Operator

// Commands returns the commands in the order in which they are listed.
func Commands(o Operator) []*cobra.Command {
	return []*cobra.Command{backup.Command(o), backup.RestoreCommand(o), migrate(o), doctor.Command(o), keys(o)}
}
