package process

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// lowPriority is the nice value of commands that read the whole database.
const lowPriority = 15

// LetServersRunFirst lowers the priority of this process: on a busy machine the
// requests of servers go first. On Linux each thread has a priority of its own, and a
// new one takes that of its maker. Where it can't be set, the command runs as ever.
func LetServersRunFirst() {
	threads, _ := filepath.Glob("/proc/self/task/*") // none where there is no such folder
	if len(threads) == 0 {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, lowPriority)
	}
	for _, t := range threads {
		if id, err := strconv.Atoi(filepath.Base(t)); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, lowPriority)
		}
	}
}
