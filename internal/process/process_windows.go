package process

import "golang.org/x/sys/windows"

// LetServersRunFirst lowers the priority of this process: on a busy machine the
// requests of servers go first.
func LetServersRunFirst() {
	_ = windows.SetPriorityClass(windows.CurrentProcess(), windows.BELOW_NORMAL_PRIORITY_CLASS)
}

// NoCoreDumps does nothing: whether Windows writes dumps is set for the machine
// (docs/operating.md).
func NoCoreDumps() {}

// Unreadable does nothing: processes of one user may read each other.
func Unreadable() {}

// OwnFilesOnly does nothing: a new file takes the access list of its folder.
func OwnFilesOnly() {}

// Descriptors is how many files and connections this process may have open. It is
// false: Windows does not bound handles.
func Descriptors() (uint64, bool) { return 0, false }
