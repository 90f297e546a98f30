package store

import (
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// boundEntry is one binding of a secret as it is stored, with who set it and the credential that
// this was done with.
type boundEntry struct {
	text     string
	by, with string
	at       int64
}

type eachRow = func(*sql.Rows) error

// entriesOf are the bindings of a list that one person sets.
func entriesOf(b *broker.Bound) ([]boundEntry, error) {
	out := make([]boundEntry, len(b.List))
	for i := range b.List {
		text, err := json.Marshal(&b.List[i])
		if err != nil {
			return nil, err
		}
		out[i] = boundEntry{text: string(text), by: b.By, at: micros(b.At)}
	}
	return out, nil
}

func settersOf(entries []boundEntry) []string {
	out := make([]string, len(entries))
	for i := range entries {
		out[i] = entries[i].by
	}
	return out
}

// kept is a list that takes the place of another. An entry that is in both stays with who set it
// first, whoever wrote the list.
func kept(was, wanted []boundEntry) []boundEntry {
	was, out := slices.Clone(was), slices.Clone(wanted)
	for i := range out {
		at := slices.IndexFunc(was, func(e boundEntry) bool { return e.text == out[i].text })
		if at >= 0 {
			out[i] = was[at]
			was = slices.Delete(was, at, at+1)
		}
	}
	return out
}

// joined are the entries of a path and those that are added, each once, or what binding says of
// so many.
func joined(was, added []boundEntry) ([]boundEntry, error) {
	out := slices.Clone(was)
	for _, e := range added {
		if !slices.ContainsFunc(out, func(o boundEntry) bool { return o.text == e.text }) {
			out = append(out, e)
		}
	}
	return out, binding.Room(len(out))
}

// readSetters puts into the entries of a row who set each.
func readSetters(entries []boundEntry, row string, each func(query string, args []any, each eachRow) error) error {
	return each(`SELECT position, set_by, set_at, made_with FROM binding_setters WHERE binding_id = $1`, []any{row}, func(rows *sql.Rows) error {
		var e boundEntry
		var at int64
		err := rows.Scan(&at, &e.by, &e.at, &e.with)
		if err == nil && at >= 0 && at < int64(len(entries)) {
			e.text = entries[at].text
			entries[at] = e
		}
		return err
	})
}

// boundAt reads the one row of a condition with its entries; none: it is empty.
func (tx Tx) boundAt(where string, args ...any) (b broker.Bound, entries []boundEntry, err error) {
	var list, with string
	var at int64
	found, err := tx.Row(`SELECT id, org_id, vault_id, path, bindings, set_by, set_at, made_with FROM secret_bindings WHERE `+where, args,
		&b.ID, &b.Org, &b.Vault, &b.Path, &list, &b.By, &at, &with)
	if err != nil || !found {
		return broker.Bound{}, nil, err
	}
	b.At = fromMicros(at)
	if err = sqldb.Parsed(json.Unmarshal([]byte(list), &b.List)); err != nil {
		return b, nil, err
	}
	if entries, err = entriesOf(&b); err != nil {
		return b, nil, err
	}
	for i := range entries {
		entries[i].with = with
	}
	return b, entries, readSetters(entries, b.ID, tx.Each)
}

// writeBindings replaces what is stored for the path of a row; without entries it takes all away.
// The event's credential is the row's, for programs of before that know no other.
func (tx Tx) writeBindings(b *broker.Bound, entries []boundEntry, ev *audit.Event) error {
	for _, query := range []string{
		`DELETE FROM secret_bindings WHERE vault_id = $1 AND path = $2`,
		`DELETE FROM binding_setters WHERE vault_id = $1 AND path = $2`,
	} {
		if _, err := tx.Exec(query, b.Vault, b.Path); err != nil {
			return err
		}
	}
	if len(entries) == 0 {
		return nil
	}
	texts := make([]string, len(entries))
	for i := range entries {
		texts[i] = entries[i].text
	}
	_, err := tx.Exec(`INSERT INTO secret_bindings (id, org_id, vault_id, path, bindings, set_by, set_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		b.ID, b.Org, b.Vault, b.Path, "["+strings.Join(texts, ",")+"]", b.By, micros(b.At))
	if err == nil {
		err = tx.made("secret_bindings", b.ID, ev)
	}
	for i, e := range entries {
		if err == nil {
			_, err = tx.Exec(`INSERT INTO binding_setters (id, binding_id, position, org_id, vault_id, path, set_by, set_at, made_with)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, ids.New(), b.ID, i, b.Org, b.Vault, b.Path, e.by, e.at, e.with)
		}
	}
	return err
}

// endBindings takes away the entries of a condition on who set them, and leaves those of others.
func (tx Tx) endBindings(n *int64, where string, args ...any) error {
	gone := map[string][]int{}
	err := tx.Each(`SELECT binding_id, position FROM binding_setters WHERE `+where, args, func(rows *sql.Rows) error {
		var id string
		var at int
		err := rows.Scan(&id, &at)
		gone[id] = append(gone[id], at)
		return err
	})
	for id, places := range gone {
		if err != nil {
			return err
		}
		var b broker.Bound
		var all, stay []boundEntry
		if b, all, err = tx.boundAt(`id = $1`, id); err != nil || b.ID == "" {
			continue // replaced by a program of before
		}
		for i, e := range all {
			if !slices.Contains(places, i) {
				stay = append(stay, e)
			}
		}
		*n += int64(len(all) - len(stay))
		if len(stay) > 0 { // the row names one whose entry stays
			b.By, b.At = stay[len(stay)-1].by, fromMicros(stay[len(stay)-1].at)
		}
		err = tx.writeBindings(&b, stay, nil)
	}
	if err != nil {
		return err
	}
	return tx.count(n, `DELETE FROM secret_bindings WHERE `+where+` AND NOT EXISTS (SELECT 1 FROM binding_setters s WHERE s.binding_id = secret_bindings.id)`, args...)
}
