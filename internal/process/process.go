// Package process asks the operating system how this process is treated.
//
// Its promise: it only ever asks for less, memory that others can't read and a lower
// priority. A system that refuses is no reason to stop.
package process

import "golang.org/x/sys/unix"

// NoCoreDumps keeps the memory of this process, which holds keys, out of core
// files and out of reach of other processes of the same user.
func NoCoreDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
