package ids_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

func TestNew(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		for version, id := range map[byte]string{'4': ids.New(), '7': ids.NewSorted()} {
			if !ids.Exact(id) || id[14] != version || seen[id] {
				t.Fatalf("%s is no new id of version %c", id, version)
			}
			seen[id] = true
		}
	}
}

func TestNewSortedSorts(t *testing.T) {
	var made []string
	for range 1000 {
		made = append(made, ids.NewSorted())
	}
	if !slices.IsSorted(made) {
		t.Error("ids do not sort as they were made")
	}
}

func TestWhatIsAnID(t *testing.T) {
	const id = "0f8fad5b-d9cb-469f-a165-70867728950e"
	for s, want := range map[string][2]bool{
		id:                                     {true, true},
		strings.ToUpper(id):                    {true, false},
		"0F8fad5b" + id[8:]:                    {true, false},
		"00000000-0000-0000-0000-000000000000": {true, true},
		"":                                     {},
		"urn:uuid:" + id:                       {},
		"{" + id + "}":                         {},
		strings.ReplaceAll(id, "-", ""):        {},
		id + "\n":                              {},
		id[1:]:                                 {},
		"g" + id[1:]:                           {},
		strings.Replace(id, "-", "0", 1):       {},
		strings.Repeat("鍵", 12):                {},
	} {
		if got := [2]bool{ids.Valid(s), ids.Exact(s)}; got != want {
			t.Errorf("%q: valid and exact are %v, want %v", s, got, want)
		}
	}
}
