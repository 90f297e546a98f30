package later_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/broker/later"
)

// A database that is away is not asked for each; what waits is written once.
func TestWhatWaitsIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		q := later.New(later.Config{Log: slog.New(slog.NewTextHandler(&said, nil)), Now: time.Now})
		away, tries, got := true, 0, ""
		for i := range 10 {
			q.Put(fmt.Sprint("use", i), func(context.Context) error {
				if tries++; away {
					return errors.New("away")
				}
				got += fmt.Sprint(i)
				return nil
			})
		}
		q.CatchUp(t.Context())
		if tries != 3 {
			t.Errorf("a database that was away was asked %d times", tries)
		}
		away = false
		q.CatchUp(t.Context())
		q.CatchUp(t.Context())
		if len(got) != 10 || said.Len() > 0 {
			t.Errorf("written were %s, and the log has %s", got, said.String())
		}
	})
}

// One that the database refuses for ever holds none up, and is given up.
func TestOneThatIsNeverTakenIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		q := later.New(later.Config{Log: slog.New(slog.NewTextHandler(&said, nil)), Now: time.Now})
		for i := range 5 {
			q.Put(fmt.Sprint("never", i), func(context.Context) error { return errors.New("refused") })
		}
		stored := 0
		q.Put("good", func(context.Context) error { stored++; return nil })
		for range 3 {
			q.CatchUp(t.Context())
		}
		if stored != 1 || said.Len() > 0 {
			t.Errorf("stored %d times, and the log has %s", stored, said.String())
		}
		time.Sleep(25 * time.Hour) // of the bubble's clock
		for range 3 {
			q.CatchUp(t.Context())
		}
		if n := strings.Count(said.String(), "given up"); n != 5 {
			t.Errorf("the log has %s", said.String())
		}
	})
}

// A server that ends tries once more, and says what is left.
func TestAServerThatEndsTriesOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		q := later.New(later.Config{Log: slog.New(slog.NewTextHandler(&said, nil)), Now: time.Now})
		stored := 0
		q.Put("good", func(ctx context.Context) error { stored++; return ctx.Err() })
		q.Put("bad", func(context.Context) error { return errors.New("away") })
		ctx, stop := context.WithCancel(t.Context())
		stop()
		q.Run(ctx)
		if stored != 1 || !strings.Contains(said.String(), "use=bad") || strings.Contains(said.String(), "use=good") {
			t.Errorf("stored %d times, and the log has %s", stored, said.String())
		}
	})
}
