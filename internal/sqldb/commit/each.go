package commit

import (
	"database/sql"
	"errors"
)

// Each runs scan for every row of a query of the transaction.
func (tx *Tx) Each(query string, args []any, scan func(*sql.Rows) error) (err error) {
	defer func() { tx.failed = tx.failed || err != nil }()
	rows, err := tx.w.query(tx.ctx, query, args...)
	tx.w.patience.answered()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
