//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"
)

// conn is one connection and the answer that it is receiving. It understands
// of HTTP/1.1 what a server on loopback sends: a status, a length or chunks.
type conn struct {
	fd   int
	out  []byte // the request
	want []byte // what the answer must contain
	sent time.Time

	head   []byte // an answer's head, as long as it is incomplete
	part   part
	status int
	left   int // bytes of the body, or of the chunk, that are still to come
	seen   bool
	tail   []byte // the end of what was searched for want
	body   []byte // the start of an answer that is no success
}

type part int

const (
	inHead part = iota
	inBody
	inChunkSize
	inChunk
	inTrailer
)

func (c *conn) close() { _ = syscall.Close(c.fd) }

func (c *conn) reset() {
	c.head, c.body, c.tail = c.head[:0], c.body[:0], c.tail[:0]
	c.part, c.status, c.left, c.seen = inHead, 0, 0, false
}

// write sends the request at once: one is far smaller than the socket's buffer,
// which is empty, since the answer before it has been read.
func (c *conn) write() error {
	n, err := syscall.Write(c.fd, c.out)
	if err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	if n != len(c.out) {
		return errors.New("send a request: it does not fit into the socket's buffer")
	}
	return nil
}

// read takes what has arrived and reports whether the answer is complete. buf
// is shared by all connections, to stay in the processor's cache.
func (c *conn) read(buf []byte) (done bool, err error) {
	n, err := syscall.Read(c.fd, buf)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read an answer: %w", err)
	case n == 0:
		return false, errors.New("the server closed a connection")
	}
	return c.take(buf[:n])
}

// take reads the next bytes of an answer.
func (c *conn) take(b []byte) (done bool, err error) {
	if c.part == inHead {
		if len(c.head) > 0 {
			c.head = append(c.head, b...)
			b = c.head
		}
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			if len(c.head) == 0 {
				c.head = append(c.head, b...)
			}
			return false, nil
		}
		if done, err = c.parseHead(b[:end+2]); done || err != nil {
			return done && len(b) == end+4, err
		}
		b = b[end+4:]
	}
	if !c.seen {
		c.look(b)
	}
	if c.status >= 300 && len(c.body) < 512 {
		c.body = append(c.body, b...)
	}
	if c.part == inBody {
		c.left -= len(b)
		if c.left < 0 {
			return false, errors.New("an answer is longer than its Content-Length")
		}
		return c.left == 0, nil
	}
	return c.takeChunks(b)
}

// look searches for what the answer must contain. The end of what was searched
// is kept, since it may be cut between two reads.
func (c *conn) look(b []byte) {
	if c.seen = bytes.Contains(b, c.want); c.seen {
		return
	}
	keep := max(len(c.want)-1, 0)
	c.tail = append(c.tail, b[:min(len(b), keep)]...)
	c.seen = bytes.Contains(c.tail, c.want)
	if len(b) >= keep {
		c.tail = append(c.tail[:0], b[len(b)-keep:]...)
	} else {
		c.tail = c.tail[max(len(c.tail)-keep, 0):]
	}
}

// parseHead finds the status and how the body ends; done means that there is none.
func (c *conn) parseHead(head []byte) (done bool, err error) {
	if len(head) < 12 || string(head[:9]) != "HTTP/1.1 " {
		return false, errors.New("an answer is not HTTP/1.1")
	}
	if c.status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return false, errors.New("an answer has no status")
	}
	if c.status == 204 || c.status == 304 {
		return true, nil
	}
	if v, ok := field(head, "Content-Length: "); ok {
		if c.left, err = strconv.Atoi(string(v)); err != nil {
			return false, errors.New("an answer has no good Content-Length")
		}
		c.part = inBody
		return c.left == 0, nil
	}
	if v, ok := field(head, "Transfer-Encoding: "); ok && string(v) == "chunked" {
		c.part = inChunkSize
		return false, nil
	}
	return false, errors.New("an answer has neither Content-Length nor chunks")
}

// field finds a header as Go's server spells it.
func field(head []byte, name string) ([]byte, bool) {
	i := bytes.Index(head, []byte(name))
	if i < 2 || head[i-1] != '\n' {
		return nil, false
	}
	v := head[i+len(name):]
	return v[:bytes.IndexByte(v, '\r')], true
}

// takeChunks walks over chunks: SIZE CRLF DATA CRLF ... 0 CRLF CRLF. A size line
// is read digit by digit, as it may be cut anywhere; left counts it up.
func (c *conn) takeChunks(b []byte) (done bool, err error) {
	for len(b) > 0 {
		switch c.part {
		case inChunkSize:
			d, rest := b[0], b[1:]
			b = rest
			switch {
			case d >= '0' && d <= '9':
				c.left = c.left<<4 | int(d-'0')
			case d >= 'a' && d <= 'f':
				c.left = c.left<<4 | int(d-'a'+10)
			case d == '\r':
			case d == '\n' && c.left == 0:
				c.part, c.left = inTrailer, 2
			case d == '\n':
				c.part, c.left = inChunk, c.left+2 // its CRLF
			default:
				return false, errors.New("an answer has a bad chunk")
			}
		case inChunk:
			n := min(len(b), c.left)
			b = b[n:]
			if c.left -= n; c.left == 0 {
				c.part = inChunkSize
			}
		case inTrailer:
			n := min(len(b), c.left)
			b = b[n:]
			if c.left -= n; c.left == 0 {
				if len(b) > 0 {
					return false, errors.New("an answer goes on after its last chunk")
				}
				return true, nil
			}
		default:
			return false, errors.New("an answer is not where it should be")
		}
	}
	return false, nil
}

// verdict says what is wrong with the answer.
func (c *conn) verdict() error {
	if c.status < 200 || c.status > 299 {
		line, _, _ := bytes.Cut(c.out, []byte("\r"))
		return fmt.Errorf("%s was answered with %d: %.300s", line, c.status, c.body)
	}
	if !c.seen {
		line, _, _ := bytes.Cut(c.out, []byte("\r"))
		return fmt.Errorf("the answer to %s does not contain %q", line, c.want)
	}
	return nil
}
