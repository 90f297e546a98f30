package sqldb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

func TestOnlyQueriesThatHadTheirTimeAreCut(t *testing.T) {
	t.Parallel()
	r, now := running{limit: time.Second}, time.Now()
	at := func(after time.Duration) (context.Context, *query) { return r.begin(t.Context(), now.Add(after)) }
	first, a := at(0)
	second, b := at(0)
	third, c := at(time.Millisecond)
	gone := errors.New("cut")
	if err := b.end(nil); err != nil || second.Err() == nil {
		t.Errorf("one that ended by itself: %v, %v", err, second.Err())
	}
	r.cutLate(now.Add(time.Second))
	if first.Err() == nil || third.Err() != nil {
		t.Errorf("after a second: %v, %v", first.Err(), third.Err())
	}
	if err := a.end(gone); !fault.Is(err, fault.Unavailable) || !driver.Late(err) {
		t.Errorf("one that was cut: %v", err)
	}
	if err := c.end(gone); !errors.Is(err, gone) {
		t.Errorf("one that failed in time: %v", err)
	}
	if r.first != nil || r.last != nil {
		t.Error("some are left")
	}
}

func TestColumnsOfAnotherFormAreDamage(t *testing.T) {
	t.Parallel()
	number := []byte{0, 0, 0, 0, 0, 0, 0, 7}
	for name, v := range map[string][][]byte{
		"too few":            {[]byte("a"), []byte("b")},
		"a number too short": {[]byte("a"), []byte("b"), {1, 2}},
		"a number of NULL":   {[]byte("a"), []byte("b"), nil},
	} {
		r := Columns{left: v}
		var one, two string
		r.Texts(&one, &two)
		if r.Int(); !r.bad {
			t.Errorf("%s is taken", name)
		}
	}
	r := Columns{left: [][]byte{[]byte("a"), {}, number, nil, {}}}
	var one, two string
	r.Texts(&one, &two)
	if n, none, b := r.Int(), r.Null(), r.Bytes(); one != "a" || two != "" || n != 7 || none.Valid || len(b) != 0 || r.bad || len(r.left) != 0 {
		t.Errorf("%q %q %d %v %v: %+v", one, two, n, none, b, r)
	}
}
