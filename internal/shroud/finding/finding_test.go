package finding

import (
	"fmt"
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

func list(places ...[2]int) (out []Finding) {
	for _, p := range places {
		out = append(out, Finding{Threat: Command, Pattern: "x", Span: text.Span{Start: p[0], End: p[1]}})
	}
	return out
}

func places(list []Finding) (out []string) {
	for _, f := range list {
		out = append(out, fmt.Sprint(f.Start, "-", f.End))
	}
	return out
}

func TestSortedLeavesOutWhatIsSaidAlready(t *testing.T) {
	in := list([2]int{5, 9}, [2]int{0, 4}, [2]int{0, 4}, [2]int{6, 8}, [2]int{7, 12})
	other := in[3]
	other.Pattern = "y"
	if got := places(Sorted(append(in, other))); !slices.Equal(got, []string{"0-4", "5-9", "6-8", "7-12"}) {
		t.Errorf("%v", got)
	}
}

func TestApartPrefersWhatComesFirst(t *testing.T) {
	if got := places(Apart(list([2]int{4, 8}, [2]int{0, 5}, [2]int{8, 9}, [2]int{0, 4}, [2]int{7, 20}, [2]int{30, 31}))); !slices.Equal(got, []string{"0-4", "4-8", "8-9", "30-31"}) {
		t.Errorf("%v", got)
	}
}

func TestSeveritiesAreOrdered(t *testing.T) {
	if Low.Rank() >= Medium.Rank() || Medium.Rank() >= High.Rank() || High.Rank() >= Critical.Rank() || Severity("").Rank() != 0 {
		t.Error("they are not")
	}
}
