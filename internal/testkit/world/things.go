package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Address is where the calls of a World come from.
var Address = netip.MustParseAddr("192.0.2.7")

// Path reads a secret's path, which must be one.
func (w *World) Path(path string) secretpath.Path {
	w.t.Helper()
	p, err := secretpath.Parse(path)
	w.must(err)
	return p
}

// NewVault makes a vault of who and returns its id.
func (w *World) NewVault(who policy.Principal, name string) string {
	w.t.Helper()
	v, err := w.Vault.Create(w.t.Context(), w.Call(who, policy.CreateVault), name, "")
	w.must(err)
	return v.ID
}

// Put stores a secret and returns the id of the version.
func (w *World) Put(who policy.Principal, vaultID, path, value string) string {
	w.t.Helper()
	m, err := w.Vault.Put(w.t.Context(), w.Call(who, policy.WriteSecret), vaultID, w.Path(path), vault.Draft{Value: secret.FromString(value)})
	w.must(err)
	return m.ID
}

// Grant gives a principal permissions over a pattern and returns the policy.
func (w *World) Grant(by policy.Principal, vaultID string, to policy.Principal, pattern string, permissions ...string) vault.Grant {
	w.t.Helper()
	g, err := w.Vault.Grant(w.t.Context(), w.Call(w.Here(by), policy.CreatePolicy), vaultID, vault.Grant{
		Pattern: pattern, PrincipalKind: to.Kind, PrincipalID: to.ID, Permissions: permissions,
	})
	w.must(err)
	return g
}

// Event is a row of the log.
type Event struct{ *audit.Row }

// Detail returns a field of the event's details as text: reason, outcome, path.
func (e Event) Detail(name string) string {
	var all map[string]any
	if json.Unmarshal(e.DetailsJSON, &all) != nil || all[name] == nil {
		return ""
	}
	return fmt.Sprint(all[name])
}

// Events are the rows of an organisation's log, oldest first.
func (w *World) Events(org string) []Event {
	w.t.Helper()
	var rows []Event
	w.must(w.DB.Walk(w.t.Context(), org, 0, func(r *audit.Row) bool {
		rows = append(rows, Event{r})
		return true
	}))
	return rows
}

// Last is the newest event of an organisation's log.
func (w *World) Last(org string) Event {
	w.t.Helper()
	rows := w.Events(org)
	if len(rows) == 0 {
		w.t.Fatal("the log is empty")
	}
	return rows[len(rows)-1]
}

// Exec changes the database past every layer. Parameters are written as question
// marks. What the services keep in memory does not notice.
func (w *World) Exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.SQL.ExecContext(w.t.Context(), w.bind(query), args...)
	w.must(err)
}

// Each runs a query past every layer.
func (w *World) Each(query string, row func(scan func(...any) error) error, args ...any) {
	w.t.Helper()
	rows, err := w.SQL.QueryContext(context.WithoutCancel(w.t.Context()), w.bind(query), args...)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		w.must(row(rows.Scan))
	}
	w.must(rows.Err())
}

// bind writes the parameters of a query as the database takes them.
func (w *World) bind(query string) string {
	for n := 1; w.DSN != "" && strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", "$"+strconv.Itoa(n), 1)
	}
	return query
}
