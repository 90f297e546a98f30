package binding

// ParseHost reads HOST or HOST:PORT, with the port where none is named. It is false for
// a text that two programs could read in two ways.
func ParseHost(text string, port uint16) (Host, bool) { return parseHost(text, port) }

// At reports whether a host is one of the binding's. Whether a request to it may have the
// secret is what Allows says.
func (b *Binding) At(h Host) bool { return b.host(h) }
