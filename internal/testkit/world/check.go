package world

import (
	"errors"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// WantCode checks that err is a fault with a code; that it is nil when the code is
// empty.
func WantCode(t testing.TB, what string, err error, code string) {
	t.Helper()
	switch {
	case code == "" && err != nil:
		t.Errorf("%s: got %v, want no error", what, err)
	case code != "" && (err == nil || fault.CodeOf(err) != code):
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

// WantKind checks the kind of an error.
func WantKind(t testing.TB, what string, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("%s: got %v, want kind %d", what, err, kind)
	}
}

// ErrDown is what a store says that is away.
var ErrDown = fault.Wrap(errors.New("disk"), fault.Unavailable, "storage_unavailable", "Try again.")

// AtOnce runs f n times at once, with the number of the run, and returns what each
// gave. None begins before all are ready.
func AtOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			errs[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return errs
}

// Count returns how many errors have each code; those that are nil count under "".
func Count(errs []error) map[string]int {
	out := map[string]int{}
	for _, err := range errs {
		code := ""
		if err != nil {
			code = fault.CodeOf(err)
		}
		out[code]++
	}
	return out
}
