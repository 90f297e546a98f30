package mask

import (
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// Finders have the memory that looking at texts takes, for many masks: one that waits for its reader has none of
// it. It is cleared after each text. The zero value is ready.
type Finders struct{ free sync.Pool }

func (f *Finders) take() *known.Finder {
	if x, ok := f.free.Get().(*known.Finder); ok {
		return x
	}
	return &known.Finder{}
}

func (f *Finders) put(x *known.Finder) {
	x.Wipe()
	f.free.Put(x)
}
