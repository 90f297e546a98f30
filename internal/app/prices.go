package app

import (
	"os"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
)

// prices are those that the program came with, and in their place those of the operator.
func (a *App) prices() (*spend.Table, error) {
	table, err := spend.Prices()
	if err != nil || a.cfg.ShroudPricesFile == "" {
		return table, err
	}
	file, err := os.ReadFile(a.cfg.ShroudPricesFile)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "prices_unreadable", "The file that ONECLAW_SHROUD_PRICES_FILE names can't be read.")
	}
	return table.With(file)
}
