package app

import (
	"os"
	"strings"
)

// boot names the time since this machine was started, where this process alone has the database. It is "" where the
// system does not say: what was written without waiting for the disk may be gone after any start, then.
func (a *App) boot() string {
	if a.cfg.DatabaseURL.Len() > 0 {
		return ""
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
