package listen

import "golang.org/x/sys/unix"

// reserve is how many descriptors are for the database, the keystore, mails and
// what else the server opens itself.
const reserve = 128

// descriptors is how many connections the process has descriptors for.
func descriptors() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil || r.Cur > mostConns+reserve {
		return mostConns
	}
	return max(int(r.Cur)-reserve, int(r.Cur)/2, 1)
}
