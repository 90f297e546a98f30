package broker

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/broker/sought"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// TestAValueThatOverlapsHidesNoPartOfAnother: whoever makes a secret chooses what it begins in.
func TestAValueThatOverlapsHidesNoPartOfAnother(t *testing.T) {
	p := &Prepared{s: &Service{sought: sought.New()}}
	p.filled.hidden = []known.Value{
		{Label: "theirs", Value: secret.FromString("Bearer sk_live_")}, {Label: "key", Value: secret.FromString("sk_live_4eC39HqLyjWD")}, {Label: "short", Value: secret.FromString("abc")},
	}
	r := p.redactor()
	const src = "got Bearer sk_live_4eC39HqLyjWD, abc"
	if got := r.text(src, len(src)); got != "got [REDACTED:theirs][REDACTED:key], abc" || r.n != 2 {
		t.Errorf("%q, %d", got, r.n)
	}
	if got := r.text(src, 6); got != "got [REDACTED:theirs]" {
		t.Errorf("up to within a value: %q", got)
	}
}
