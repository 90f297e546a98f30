package sqldb

import "context"

// ReadOnly reports whether PostgreSQL lets this role's sessions only read: by the
// setting default_transaction_read_only, or since the server is a standby.
func (db *DB) ReadOnly(ctx context.Context) (readOnly bool, err error) {
	if !db.eng.Postgres {
		return false, nil
	}
	_, err = db.Row(ctx, `SELECT current_setting('transaction_read_only') = 'on'`, nil, &readOnly)
	return readOnly, err
}

// Privileges are those that this role lacks in PostgreSQL, each as "DELETE on table".
// The table of the schema's version is read at each start, and written by upgrades only.
func (db *DB) Privileges(ctx context.Context) (missing []string, err error) {
	if !db.eng.Postgres {
		return nil, nil
	}
	return db.Texts(ctx, `SELECT string_agg(p.name, ', ' ORDER BY p.at) || ' on ' || c.relname
		FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY p(name, at)
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
			AND (p.name = 'SELECT' OR c.relname NOT LIKE 'goose%') AND NOT has_table_privilege(c.oid, p.name)
		GROUP BY c.relname ORDER BY c.relname`)
}
