package mask

import (
	"encoding/binary"
	"errors"
)

// Frames masks what the frames of a WebSocket (RFC 6455) carry, as a server sends them. Frames keep
// their sizes and their places; a value is found across them.
type Frames struct {
	mask    *Mask
	head    []byte // of a frame, as far as it has come
	left    uint64 // of the payload of a frame of data
	control []byte // a frame of control, as far as it has come
	queue   []queued
	taken   int // bytes of payloads that the mask has let go
	given   int // bytes of payloads that the mask has got
	out     []byte
	err     error
}

// queued is what is sent once so many bytes of payloads were.
type queued struct {
	after int
	bytes []byte
}

// Errors of frames that can't be looked at.
var (
	errMasked     = errors.New("mask: a server's frame is masked")
	errCompressed = errors.New("mask: a frame has an extension that nobody asked for")
)

// NewFrames masks frames with a mask that has not been written to.
func NewFrames(m *Mask) *Frames { return &Frames{mask: m} }

// Write takes a piece and returns what may be let go by now.
func (f *Frames) Write(b []byte) []byte {
	f.out = f.out[:0]
	for len(b) > 0 && f.err == nil {
		switch {
		case f.left > 0:
			n := int(min(uint64(len(b)), f.left))
			f.left -= uint64(n)
			f.given += n
			f.emit(f.mask.Write(b[:n]))
			b = b[n:]
		case f.control != nil:
			b = f.takeControl(b)
		default:
			f.head = append(f.head, b[0])
			b = b[1:]
			f.begin()
		}
	}
	f.emit(nil)
	return f.out
}

const (
	final       = 0x80
	extensions  = 0x70
	opcode      = 0x0f
	controls    = 0x08
	closing     = 0x08
	masked      = 0x80
	longPayload = 126
	hugePayload = 127
)

// begin reads the head of a frame, when it is whole.
func (f *Frames) begin() {
	h := f.head
	if len(h) < 2 {
		return
	}
	if h[0]&extensions != 0 {
		f.err = errCompressed
		return
	}
	if h[1]&masked != 0 {
		f.err = errMasked
		return
	}
	size := uint64(h[1])
	switch h[1] {
	case longPayload:
		if len(h) < 4 {
			return
		}
		size = uint64(binary.BigEndian.Uint16(h[2:]))
	case hugePayload:
		if len(h) < 10 {
			return
		}
		size = binary.BigEndian.Uint64(h[2:])
	}
	f.head = nil
	if h[0]&controls != 0 {
		if size >= longPayload || h[0]&final == 0 {
			f.err = errCompressed
			return
		}
		f.control = h
		f.takeControl(nil)
		return
	}
	f.queue = append(f.queue, queued{f.given, h})
	f.left = size
}

// takeControl takes of a frame of control, which goes on whole: it may come between frames of data.
func (f *Frames) takeControl(b []byte) []byte {
	n := min(len(b), 2+int(f.control[1])-len(f.control))
	f.control = append(f.control, b[:n]...)
	if len(f.control) < 2+int(f.control[1]) {
		return b[n:]
	}
	text := f.mask.Text(string(f.control[2:]))
	f.queue = append(f.queue, queued{f.given, append(f.control[:2], text...)})
	if f.control[0]&opcode == closing {
		f.emit(f.mask.Rest()) // no data follows
	}
	f.control = nil
	return b[n:]
}

// emit sends payload, and the frames whose turn it is.
func (f *Frames) emit(payload []byte) {
	for len(f.queue) > 0 && f.queue[0].after <= f.taken+len(payload) {
		n := f.queue[0].after - f.taken
		f.out = append(f.out, payload[:n]...)
		f.out = append(f.out, f.queue[0].bytes...)
		payload, f.taken, f.queue = payload[n:], f.taken+n, f.queue[1:]
	}
	f.out = append(f.out, payload...)
	f.taken += len(payload)
}

// Quiet is Mask.Quiet.
func (f *Frames) Quiet() []byte {
	f.out = f.out[:0]
	f.emit(f.mask.Quiet())
	return f.out
}

// Aged is Mask.Aged.
func (f *Frames) Aged() []byte {
	f.out = f.out[:0]
	f.emit(f.mask.Aged())
	return f.out
}

// Rest is Mask.Rest.
func (f *Frames) Rest() []byte {
	f.out = f.out[:0]
	f.emit(f.mask.Rest())
	return f.out
}

// Holds is Mask.Holds.
func (f *Frames) Holds() bool { return f.mask.Holds() }

// Err is what makes frames ones that can't be looked at: nothing after it is let go.
func (f *Frames) Err() error { return f.err }
