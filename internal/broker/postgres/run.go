package postgres

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Statement is one statement with its parameters.
type Statement struct {
	Text   string
	Params [][]byte      // as texts; nil is NULL
	Write  bool          // what it changes is kept
	Rows   int           // that are handed back at most
	Bytes  int           // of texts that are handed back at most
	Within time.Duration // how long it may take at the server
	Settle func() error  // is asked before what it changed is kept
}

// Column is one of an answer.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // as PostgreSQL names it; empty where it is none of its own
}

// Table is an answer. Values are as PostgreSQL writes them; nil is NULL.
type Table struct {
	Columns   []Column
	Rows      [][]*string
	Command   string // SELECT, UPDATE
	Count     int64  // rows that the statement had or changed
	Bytes     int64
	Truncated bool // it had more rows
}

// Client executes statements. It is safe for concurrent use.
type Client struct {
	dialer Dialer
	types  *pgtype.Map
}

// New returns a Client.
func New(d Dialer) *Client { return &Client{dialer: d, types: pgtype.NewMap()} }

// Run executes a statement. ctx has a deadline. Nothing is done twice.
func (c *Client) Run(ctx context.Context, to *Server, st *Statement) (Table, error) {
	s, err := open(ctx, c.dialer, to)
	if err != nil {
		return Table{}, loginFailed(err, to, s)
	}
	defer s.end()
	// The setting is read by a query, so that the transaction has a snapshot: from then on the server lets nobody
	// turn it into one that writes.
	begin := "BEGIN READ ONLY"
	if st.Write {
		begin = "BEGIN READ WRITE"
	}
	if err := s.exec(ctx, begin); err != nil {
		return Table{}, failed(err)
	}
	limit := []byte(strconv.FormatInt(max(st.Within.Milliseconds(), 1), 10))
	if _, err := s.ExecParams(ctx, "SELECT pg_catalog.set_config('statement_timeout', $1, true)", [][]byte{limit}, nil, nil, nil).Close(); err != nil {
		return Table{}, failed(err)
	}
	out, err := c.read(s.ExecParams(ctx, st.Text, st.Params, nil, nil, nil), st)
	if err != nil {
		return Table{}, failed(err)
	}
	if !st.Write {
		return out, nil // the connection ends, and the transaction with it
	}
	if err := st.Settle(); err != nil {
		return Table{}, err
	}
	tag, err := s.ExecParams(ctx, "COMMIT", nil, nil, nil, nil).Close()
	if err != nil {
		return Table{}, notCommitted(err)
	}
	if tag.String() != "COMMIT" {
		return Table{}, errStatement
	}
	return out, nil
}

func (s *session) exec(ctx context.Context, sql string) error {
	return s.Exec(ctx, sql).Close()
}

// read reads an answer up to its bounds. What comes after them is not kept, but waited for where rows are
// changed.
func (c *Client) read(r *pgconn.ResultReader, st *Statement) (out Table, err error) {
	for r.NextRow() {
		if out.Truncated {
			if !st.Write {
				return out, nil
			}
			continue
		}
		if out.Columns == nil && !c.columns(&out, r, st) {
			return out, errRow
		}
		var size int64
		for _, v := range r.Values() {
			size += int64(len(v))
		}
		if len(out.Rows) == st.Rows || out.Bytes+size > int64(st.Bytes) {
			out.Truncated = true
			continue
		}
		out.Bytes += size
		row := make([]*string, len(r.Values()))
		for i, v := range r.Values() {
			if v != nil {
				text := string(v)
				row[i] = &text
			}
		}
		out.Rows = append(out.Rows, row)
	}
	if out.Columns == nil && !c.columns(&out, r, st) {
		return out, errRow
	}
	tag, err := r.Close()
	out.Command, out.Count = word(tag.String()), tag.RowsAffected()
	return out, err
}

// columns notes the columns of an answer, unless their names alone are too long.
func (c *Client) columns(out *Table, r *pgconn.ResultReader, st *Statement) bool {
	for _, f := range r.FieldDescriptions() {
		col := Column{Name: f.Name}
		if t, ok := c.types.TypeForOID(f.DataTypeOID); ok {
			col.Type = t.Name
		}
		out.Bytes += int64(len(col.Name))
		out.Columns = append(out.Columns, col)
	}
	return out.Bytes <= int64(st.Bytes)
}

// word is the first word of a command's tag, which is one of the server's.
func word(tag string) string {
	for i := range len(tag) {
		if tag[i] < 'A' || tag[i] > 'Z' || i == 32 {
			return tag[:i]
		}
	}
	return tag
}
