package peer

import "encoding/binary"

// littleEndian reports the order of bytes of this machine.
func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }
