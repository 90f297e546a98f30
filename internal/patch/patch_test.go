package patch_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
)

func TestFieldsThatWereNotSentStay(t *testing.T) {
	for name, test := range map[string]struct {
		f              patch.Field[string]
		keeps, cleared string
	}{
		"absent":   {patch.Field[string]{}, "was", "was"},
		"null":     {patch.Null[string](), "was", ""},
		"a value":  {patch.Value("is"), "is", "is"},
		"an empty": {patch.Value(""), "", ""},
	} {
		keeps, cleared := "was", "was"
		test.f.Keep(&keeps)
		test.f.Clear(&cleared)
		if keeps != test.keeps || cleared != test.cleared {
			t.Errorf("%s: kept %q, cleared %q", name, keeps, cleared)
		}
	}
}

func TestAListThatRestrictsIsNotEmptiedByAccident(t *testing.T) {
	none, one := []string{}, []string{"a"}
	for name, test := range map[string]struct {
		was  []string
		f    patch.Field[[]string]
		is   []string
		code string
	}{
		"absent":                  {one, patch.Field[[]string]{}, one, ""},
		"null lifts it":           {one, patch.Null[[]string](), nil, ""},
		"another":                 {one, patch.Value([]string{"b"}), []string{"b"}, ""},
		"an empty one":            {one, patch.Value(none), one, "would_lift_restriction"},
		"an empty one after none": {nil, patch.Value(none), none, ""},
	} {
		list := test.was
		err := patch.List("names", &list, test.f)
		if err != nil && fault.CodeOf(err) != test.code || (err != nil) != (test.code != "") || !slices.Equal(list, test.is) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

type part struct{ allowed []string }

type whole struct{ p part }

func TestCapsOfAPartAreCapsOfTheWhole(t *testing.T) {
	caps := patch.Within(func(w *whole) *part { return &w.p }, patch.ListCap("allowed", func(p *part) []string { return p.allowed }))
	if len(caps) != 1 || caps[0].Name != "allowed" {
		t.Fatalf("got %v", caps)
	}
	of := func(names ...string) *whole { return &whole{part{names}} }
	if caps[0].Set(of()) || !caps[0].Set(of("a")) {
		t.Error("a list restricts when it has something")
	}
	for name, test := range map[string]struct {
		was, is *whole
		lifts   bool
	}{
		"none before":   {of(), of("a"), false},
		"none after":    {of("a"), of(), true},
		"fewer":         {of("a", "b"), of("b"), false},
		"another":       {of("a"), of("a", "b"), true},
		"other letters": {of("a"), of("A"), false},
	} {
		if caps[0].Lifts(test.was, test.is) != test.lifts {
			t.Errorf("%s: lifts %v", name, !test.lifts)
		}
	}
}
