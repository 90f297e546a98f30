//go:build linux && (amd64 || arm64) && goexperiment.runtimesecret && !race

package sought_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/broker/sought"
	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

func TestNoValueIsKept(t *testing.T) {
	value := erasetest.New(48)
	b := make([]byte, 48)
	value.Fill(b)
	v := secret.New(b)
	c := sought.New()
	for range 2 {
		c.Each(of("o", "v", "p", 1), []known.Value{{Label: "a/b", Value: v}})
		c.Names(of("o", "v", "p", 1), []known.Value{{Label: "a/b", Value: v}})
	}
	v.Wipe()
	if n := value.Copies(t); n != 0 || c.Kept() != 2 {
		t.Errorf("%d pieces of the value are in memory, %d sets are kept", n, c.Kept())
	}
}
