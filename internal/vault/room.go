package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
)

// small is how long a value may be that takes no room: what most are.
const small = 64 << 10

// fetch has read put a version into v, and takes room for its value and for its answer
// before anything is opened, counted or recorded. A reader that has to wait for room
// lets go of what it read meanwhile, and reads again. A version is large: copies of it would grow
// the stack, all of which is overwritten after each use of a key.
func fetch(ctx context.Context, room *budget.Lease, v *Version, read func() error) error {
	for {
		if err := read(); err != nil || len(v.Box.Ciphertext) <= small {
			return err
		}
		lack := 2 * int64(len(v.Box.Ciphertext))
		if room != nil {
			lack -= room.Held()
		}
		if room.Try(lack) {
			return nil
		}
		*v = Version{}
		if err := room.Take(ctx, lack); err != nil {
			return err
		}
	}
}
