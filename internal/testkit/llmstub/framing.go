package llmstub

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
)

// Framing is how a stream is written. The zero value is how most providers do.
type Framing struct {
	EOL      string // "": LF, and CRLF in Gemini
	Tight    bool   // no space after a field's colon
	Comments bool   // comments between events and in them
	BOM      bool   // at the beginning
	Fields   bool   // id and retry beside the data
	Unnamed  bool   // no event fields
	NoEnd    bool   // the last event has no empty line after it
	NoDone   bool   // no [DONE], where the dialect has it
}

// Frames are the events as they are written.
func Frames(d Dialect, events []Event, f Framing) [][]byte {
	eol := f.EOL
	if eol == "" {
		eol = "\n"
		if d == Gemini {
			eol = "\r\n"
		}
	}
	gap := " "
	if f.Tight {
		gap = ""
	}
	var out [][]byte
	for i, e := range events {
		var b bytes.Buffer
		if i == 0 && f.BOM {
			b.WriteString("\xef\xbb\xbf")
		}
		if f.Comments {
			b.WriteString(": PROCESSING" + eol + eol + ":" + eol)
		}
		if f.Fields {
			b.WriteString("id:" + gap + "7" + eol + "retry:" + gap + "3000" + eol)
		}
		if e.Name != "" && !f.Unnamed {
			b.WriteString("event:" + gap + e.Name + eol)
		}
		for n, line := range bytes.Split(e.Data, []byte("\n")) {
			if n == 1 && f.Comments {
				b.WriteString(":in between" + eol)
			}
			b.WriteString("data:" + gap)
			b.Write(line)
			b.WriteString(eol)
		}
		if !f.NoEnd || i < len(events)-1 {
			b.WriteString(eol)
		}
		out = append(out, b.Bytes())
	}
	return out
}

// Delivery is how the bytes of an answer come.
type Delivery struct {
	Chunk  int                              // this many at a time; 0: an event at a time
	Gzip   bool                             // packed, whether or not the caller can unpack it
	Cut    int                              // the connection is cut after that many bytes; 0: not
	Leave  int                              // the stream ends after that many events, as if it were whole; 0: not
	Before func(ctx context.Context, i int) // is waited for before event i of a stream, and before a whole answer
	Type   string                           // of the content, instead of the usual one
}

// send writes an answer in frames.
func (s *Server) send(w http.ResponseWriter, r *http.Request, got *Request, a *Reply, status int, frames [][]byte) {
	control := http.NewResponseController(w)
	if a.Gzip {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(status)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	sent := 0
	for i, frame := range frames {
		if a.Before != nil {
			a.Before(r.Context(), i)
		}
		if a.Gzip {
			packed.Reset()
			_, _ = z.Write(frame) // a buffer takes it
			if _ = z.Flush(); i == len(frames)-1 {
				_ = z.Close()
			}
			frame = bytes.Clone(packed.Bytes())
		}
		for len(frame) > 0 {
			n := len(frame)
			if a.Chunk > 0 {
				n = min(n, a.Chunk)
			}
			if a.Cut > 0 {
				n = min(n, a.Cut-sent)
			}
			_, err := w.Write(frame[:n])
			if err == nil {
				err = control.Flush()
			}
			if err != nil || r.Context().Err() != nil {
				got.leave()
				return
			}
			frame, sent = frame[n:], sent+n
			if a.Cut > 0 && sent == a.Cut {
				panic(http.ErrAbortHandler) // the connection is cut
			}
		}
	}
}
