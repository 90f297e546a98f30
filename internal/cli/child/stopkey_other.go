//go:build unix && !linux

package child

// stopKey names no key: what another program does with a signal is not known here.
func (*terminal) stopKey() (key byte, program int) { return 0, 0 }
