package budget

import (
	"io"
	"net/http"
	"time"
)

// Pace is how fast the other side of a connection has to be.
type Pace struct {
	Grace  time.Duration // before the rate counts, and for each piece of an answer
	Rate   int64         // bytes a second that a body brings on average, once Grace is over
	Within time.Duration // for all of a body
}

// Chunk is how much a body or an answer may hold without being looked at.
const Chunk = 64 << 10

// piece is how much of an answer is written at once. Each more costs its writer and
// its reader.
const piece = 4 * Chunk

// Reader reads a request's body, and fails with a timeout once it falls behind.
func (p Pace) Reader(w http.ResponseWriter, body io.Reader) io.Reader {
	return &paced{Pace: p, conn: http.NewResponseController(w), from: body, begun: time.Now()} //nolint:forbidigo // the network's own clock
}

type paced struct {
	Pace
	conn  *http.ResponseController
	from  io.Reader
	begun time.Time
	n     int64
	until time.Duration
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	until := min(p.Within, p.Grace+time.Duration(p.n)*time.Second/time.Duration(p.Rate))
	if until-p.until > p.Grace/16 || p.until == 0 { // moving it costs more than reading
		p.until = until
		// Not every writer has a deadline: tests' have none, nor has a call in process.
		_ = p.conn.SetReadDeadline(p.begun.Add(until))
	}
	n, err := p.from.Read(b)
	p.n += int64(n)
	return n, err
}

// Write writes an answer, or a part of one, as long as the other side takes each
// piece of it within Grace.
func (p Pace) Write(w http.ResponseWriter, b []byte) (n int, err error) {
	if len(b) < Chunk {
		return w.Write(b)
	}
	conn := http.NewResponseController(w)
	for len(b) > 0 && err == nil {
		part := b[:min(len(b), piece)]
		_ = conn.SetWriteDeadline(time.Now().Add(p.Grace)) //nolint:forbidigo // the network's own clock
		var m int
		m, err = w.Write(part)
		n, b = n+m, b[m:]
	}
	_ = conn.SetWriteDeadline(time.Now().Add(p.Grace)) //nolint:forbidigo // for what is still in buffers
	return n, err
}

// Hurry leaves a body that nobody reads little time: else the connection would be
// held for the rest of it.
func Hurry(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)) //nolint:forbidigo // the network's own clock
}
