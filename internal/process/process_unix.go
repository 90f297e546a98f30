//go:build unix

package process

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// lowPriority is the nice value of commands that read the whole database. Beside one busy
// thread at the usual value it leaves them a tenth of a processor; 15 left a thirtieth,
// and a backup on a busy machine did not come to its end.
const lowPriority = 10

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

// NoCoreDumps keeps the memory of this process, which holds keys, out of core
// files, and on Linux out of reach of other processes of the same user.
func NoCoreDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	notDumpable()
}

// Unreadable keeps the memory and the environment of this process out of reach of other
// processes of the same user, where the system can (Linux). Programs that it starts are as ever.
func Unreadable() { notDumpable() }

// OwnFilesOnly lets nobody else read the files that this process makes.
func OwnFilesOnly() { unix.Umask(0o077) }

// Descriptors is how many files and connections this process may have open. It is
// false where that is not bounded, or can't be told.
func Descriptors() (uint64, bool) {
	var r unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	return r.Cur, err == nil
}
