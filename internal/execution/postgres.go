package execution

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Statement is what an execution asks of a database: one statement with its parameters.
type Statement struct {
	Kind   string // its first word: SELECT
	Text   string
	Params [][]byte // as texts; nil is NULL
	Write  bool     // it may change rows
	Rows   int      // that are handed back at most
}

type sqlParams struct {
	Query  string           `json:"query"`
	Params []jsontext.Value `json:"params"`
}

// Bounds of a statement.
const (
	maxStatement = 100_000 // bytes
	maxParams    = 1000
	// defaultRows and mostRows are how many rows an answer has.
	defaultRows = 1000
	mostRows    = 10_000
)

var (
	reads  = []string{"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"}
	writes = []string{"INSERT", "UPDATE", "DELETE", "MERGE", "CALL"}
)

var errStatement = fault.New(fault.Invalid, "invalid_statement",
	"query is one statement of PostgreSQL of at most 100,000 bytes that begins with SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN, or where the binding lets it write with INSERT, UPDATE, DELETE, MERGE or CALL.")

// Statement reads the params of an execution on a database. What comes after the first word is the server's
// to read: it takes no second statement, and in a transaction that only reads it changes nothing.
func (b *Binding) Statement(intent string, params []byte) (st Statement, err error) {
	if intent != Postgres || b.Type != Postgres {
		return st, errIntent
	}
	var p sqlParams
	if v := jsontext.Value(params); v.Kind() != '{' || json.Unmarshal(params, &p, json.RejectUnknownMembers(true)) != nil || len(p.Params) > maxParams {
		return st, errParams
	}
	st = Statement{Kind: firstWord(p.Query), Text: p.Query, Write: !b.readOnly(), Rows: int(b.Rails.Rows)}
	if st.Rows == 0 {
		st.Rows = defaultRows
	}
	switch {
	case len(p.Query) > maxStatement || strings.ContainsRune(p.Query, 0) || !readable(p.Query):
		return st, errStatement // a zero byte would end the text in the middle of a message
	case slices.Contains(reads, st.Kind):
	case !slices.Contains(writes, st.Kind):
		return st, errStatement
	case !st.Write:
		return st, errReadOnly
	}
	for _, v := range p.Params {
		text, err := paramText(v)
		if err != nil {
			return st, err
		}
		st.Params = append(st.Params, text)
	}
	return st, nil
}

// paramText is a parameter as PostgreSQL reads it: a text as it is, null as NULL, anything else as JSON.
func paramText(v jsontext.Value) ([]byte, error) {
	if v.Kind() == 'n' {
		return nil, nil
	}
	if v.Kind() == '"' {
		var text string
		if json.Unmarshal(v, &text) != nil || strings.ContainsRune(text, 0) {
			return nil, errParams
		}
		return []byte(text), nil
	}
	return append([]byte(nil), v...), nil
}

// firstWord is the first word of a statement in capitals, after blanks, comments and parentheses as PostgreSQL
// reads them; empty where there is none.
func firstWord(sql string) string {
	for {
		sql = strings.TrimLeft(sql, " \t\n\r\f\v(")
		switch {
		case strings.HasPrefix(sql, "--"):
			end := strings.IndexAny(sql, "\n\r")
			if end < 0 {
				return ""
			}
			sql = sql[end:]
		case strings.HasPrefix(sql, "/*"):
			end := commentEnd(sql)
			if end < 0 {
				return ""
			}
			sql = sql[end:]
		default:
			end := 0
			for end < len(sql) && (sql[end]|0x20 >= 'a' && sql[end]|0x20 <= 'z') {
				end++
			}
			if end < len(sql) && (sql[end] == '_' || sql[end] >= '0' && sql[end] <= '9' || sql[end] == '$' || sql[end] >= 0x80) {
				return "" // a longer word
			}
			return strings.ToUpper(sql[:end])
		}
	}
}

// commentEnd is where a comment ends, which may have others in it; -1: nowhere.
func commentEnd(sql string) int {
	deep := 0
	for i := 0; i+1 < len(sql); i++ {
		switch sql[i : i+2] {
		case "/*":
			deep++
			i++
		case "*/":
			i++
			if deep--; deep == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// defaultPort is that of PostgreSQL.
const defaultPort = 5432

// Database is where a statement goes.
type Database struct {
	Host     binding.Host
	Database string
	Plain    bool // without TLS
}

// Database is the server of a binding, whose config was checked.
func (b *Binding) Database() (d Database, err error) {
	port := b.Config.Port
	if port == 0 {
		port = defaultPort
	}
	host, ok := binding.ParseHost(b.Config.Host, uint16(port))
	if !ok || int64(host.Port) != port {
		return d, errDatabase
	}
	return Database{Host: host, Database: b.Config.Database, Plain: b.Config.SSLMode == "disable"}, nil
}

// Target is the server as bounds on hosts look at it.
func (d *Database) Target() binding.Target { return binding.Target{Host: d.Host} }

var (
	errDatabase = invalid("config of postgres has host (a name in ASCII or an address), port (5432 where it is left out), database, username, and sslmode: verify-full, or disable for a host that the operator allowed.")
	errNoURL    = invalid("config of postgres has no base_url, headers or auth_type, and its guardrails no allowed_paths and allowed_methods: it has host, port, database, username, sslmode, read_only and max_rows.")
	errOnlySQL  = invalid("host, port, database, username, sslmode and max_rows are of postgres.")
)

func (c *Config) ofDatabase() bool {
	return c.Host != "" || c.Port != 0 || c.Database != "" || c.Username != "" || c.SSLMode != ""
}

// checkDatabase is check for a database. It only reads unless the binding says that it does not.
func (b *Binding) checkDatabase() error {
	c, r := &b.Config, &b.Rails
	if c.BaseURL != "" || len(c.Headers) > 0 || c.AuthType != "" || len(r.Paths) > 0 || len(r.Methods) > 0 {
		return errNoURL
	}
	d, err := b.Database()
	if err != nil || c.Port < 0 || c.Port > 65535 || !plainName(c.Database) || c.Username != "" && !plainName(c.Username) ||
		c.SSLMode != "" && c.SSLMode != "verify-full" && c.SSLMode != "disable" {
		return errDatabase
	}
	if r.Rows < 0 || r.Rows > mostRows {
		return invalid("max_rows is between 1 and 10000.")
	}
	if r.ReadOnly == nil {
		only := true
		r.ReadOnly = &only
	}
	t, hosts := d.Target(), binding.Binding{Hosts: r.Hosts}
	if len(hosts.Hosts) > 0 && binding.Allows([]binding.Binding{hosts}, &t, always) == nil {
		return invalid("The host of config is not among allowed_hosts, which name the port where it is not 443.")
	}
	return nil
}
