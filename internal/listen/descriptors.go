package listen

import "github.com/oneclaw-dev/oneclaw/internal/process"

// reserve is how many descriptors are for the database, the keystore, mails and
// what else the server opens itself.
const reserve = 128

// descriptors is how many connections the process has descriptors for.
func descriptors() int {
	n, bounded := process.Descriptors()
	if !bounded || n > mostConns+reserve {
		return mostConns
	}
	return max(int(n)-reserve, int(n)/2, 1)
}
