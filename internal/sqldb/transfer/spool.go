package transfer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// spool keeps rows in a file for a while: the transaction that reads them lasts as long as the
// database needs to hand them out, and no longer for what is done with them then.
type spool struct {
	file *os.File
	w    *bufio.Writer
	size int64
	buf  []byte
}

// kept is where the rows of one query lie in a spool.
type kept struct{ from, rows int64 }

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "rows-")
	if err != nil {
		return nil, err
	}
	return &spool{file: f, w: bufio.NewWriterSize(f, 1<<16)}, nil
}

// remove ends it. What was kept is gone.
func (s *spool) remove() error { return errors.Join(s.file.Close(), os.Remove(s.file.Name())) }

// clear forgets what was kept.
func (s *spool) clear() error {
	s.w.Reset(s.file)
	s.size = 0
	_, err := s.file.Seek(0, io.SeekStart)
	return errors.Join(err, s.file.Truncate(0))
}

// take keeps the rows of what stands after a table in a query. What is seen is told of each; it may be nil.
func (s *spool) take(ctx context.Context, e end, name string, columns []column, rest string, args []any, seen func(row []any)) (kept, error) {
	k := kept{from: s.size}
	err := e.some(ctx, name, columns, rest, args, func(row []any) (err error) {
		if s.buf, err = spell(s.buf[:0], row); err != nil {
			return err
		}
		var head [binary.MaxVarintLen64]byte
		n := binary.PutUvarint(head[:], uint64(len(s.buf)))
		if _, err := s.w.Write(head[:n]); err != nil {
			return err
		}
		if _, err := s.w.Write(s.buf); err != nil {
			return err
		}
		s.size += int64(n + len(s.buf))
		if k.rows++; seen != nil {
			seen(row)
		}
		return nil
	})
	return k, errors.Join(err, s.w.Flush())
}

// each feeds rows that were kept to fn, as spell spelled them. They are fn's to keep.
func (s *spool) each(k kept, fn func(spelled []byte) error) error {
	r := bufio.NewReaderSize(io.NewSectionReader(s.file, k.from, s.size-k.from), 1<<16)
	for range k.rows {
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return fmt.Errorf("read rows that were kept: %w", err)
		}
		row := make([]byte, n)
		if _, err := io.ReadFull(r, row); err != nil {
			return fmt.Errorf("read rows that were kept: %w", err)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}

// What a value is spelled with, before its bytes.
const (
	spelledNull byte = iota
	spelledInt
	spelledText
	spelledBytes
)

// spell appends a row to b, so that no two rows are spelled alike.
func spell(b []byte, row []any) ([]byte, error) {
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			b = append(b, spelledNull)
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, spelledInt), uint64(v))
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, spelledText), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, spelledBytes), uint64(len(v))), v...)
		default:
			return b, fmt.Errorf("a column holds a %T", v)
		}
	}
	return b, nil
}

// read appends the values of a row that was spelled to row. Its bytes are shared.
func read(row []any, spelled []byte) ([]any, error) {
	texts := string(spelled) // once for all of them
	for at := 0; at < len(spelled); {
		what := spelled[at]
		if at++; what == spelledNull {
			row = append(row, nil)
			continue
		}
		if len(spelled)-at < 8 {
			return row, errCut
		}
		n := binary.BigEndian.Uint64(spelled[at:])
		if at += 8; what == spelledInt {
			row = append(row, int64(n))
			continue
		}
		if n > uint64(len(spelled)-at) {
			return row, errCut
		}
		to := at + int(n)
		if what == spelledText {
			row = append(row, texts[at:to])
		} else {
			row = append(row, spelled[at:to:to])
		}
		at = to
	}
	return row, nil
}

var errCut = errors.New("a row that was kept is cut off")
