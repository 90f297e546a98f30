package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
)

// small is how long a value may be that takes no room: what most are.
const small = 64 << 10

// fetch reads a version, and takes room for its value and for its answer before
// anything is opened, counted or recorded. Who has to wait for room lets go of what
// it read meanwhile, and reads again.
func fetch(ctx context.Context, room *budget.Lease, read func() (Version, error)) (Version, error) {
	for {
		v, err := read()
		if err != nil || len(v.Box.Ciphertext) <= small {
			return v, err
		}
		lack := 2 * int64(len(v.Box.Ciphertext))
		if room != nil {
			lack -= room.Held()
		}
		if room.Try(lack) {
			return v, nil
		}
		v = Version{}
		if err := room.Take(ctx, lack); err != nil {
			return Version{}, err
		}
	}
}
