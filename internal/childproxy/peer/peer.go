// Package peer tells who is at the other end of a connection on this machine.
//
// Its promise: Ours is true only for a connection that a program holds which this process
// started, or which was started by one of those. What can't be told is not ours.
package peer

import "net/netip"

// Conn has the addresses of both ends of an accepted connection.
type Conn struct {
	Remote, Local netip.AddrPort
	// Network is a process in whose network the connection is; 0: this one.
	Network int
}
