package transfer

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// Within is Transfer with another patience.
func Within(ctx context.Context, from *sqldb.DB, to sqldb.Config, patience time.Duration, progress Progress) error {
	schema, _, err := from.Schema(ctx)
	if err == nil {
		_, err = transferTo(ctx, from, to, schema, patience, progress)
	}
	return err
}
