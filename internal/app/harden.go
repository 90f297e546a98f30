package app

import "golang.org/x/sys/unix"

// noCoreDumps keeps the memory of this process, which holds keys, out of core
// files and out of reach of other processes of the same user. A system that
// refuses it is no reason not to start.
func noCoreDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
