package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func TestKindAndCodeAreThoseOfTheFirstFault(t *testing.T) {
	inner := fault.New(fault.NotFound, "secret_not_found", "There is no such secret.")
	for what, tc := range map[string]struct {
		err  error
		kind fault.Kind
		code string
	}{
		"a fault":                   {inner, fault.NotFound, "secret_not_found"},
		"one that is wrapped":       {fmt.Errorf("read: %w", fmt.Errorf("row: %w", inner)), fault.NotFound, "secret_not_found"},
		"one around another":        {fault.Wrap(inner, fault.Unavailable, "busy", "Try again."), fault.Unavailable, "busy"},
		"one among joined errors":   {errors.Join(io.EOF, inner), fault.NotFound, "secret_not_found"},
		"one without a code":        {&fault.Error{Kind: fault.Denied}, fault.Denied, "internal_error"},
		"another error":             {io.EOF, fault.Internal, "internal_error"},
		"no error":                  {nil, fault.Internal, "internal_error"},
		"the zero value of a fault": {&fault.Error{}, fault.Internal, "internal_error"},
	} {
		if k, c := fault.KindOf(tc.err), fault.CodeOf(tc.err); k != tc.kind || c != tc.code {
			t.Errorf("%s: kind %d, code %s, want %d, %s", what, k, c, tc.kind, tc.code)
		}
	}
}

func TestIs(t *testing.T) {
	err := fmt.Errorf("read: %w", fault.New(fault.NotFound, "secret_not_found", ""))
	if !fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
		t.Error("Is does not go by the kind")
	}
	if fault.Is(io.EOF, fault.Internal) || fault.Is(nil, fault.Internal) {
		t.Error("what is no fault is one of kind Internal")
	}
	if !fault.Is(&fault.Error{}, fault.Internal) {
		t.Error("the zero value is not Internal")
	}
}

// The cause is for the log: Error says it, Code and Detail do not.
func TestTheCauseStaysBesideWhatIsShown(t *testing.T) {
	const cause = "password=hunter2"
	err := fault.Wrap(fmt.Errorf("dial: %w", errors.New(cause)), fault.Unavailable, "database_unavailable", "The database does not answer.")
	if want := "database_unavailable: The database does not answer.: dial: " + cause; err.Error() != want {
		t.Errorf("the log says %q, want %q", err, want)
	}
	if err.Code != "database_unavailable" || err.Detail != "The database does not answer." {
		t.Errorf("the caller is shown %q, %q", err.Code, err.Detail)
	}
	if wrapped := fault.Wrap(io.EOF, fault.Internal, "x", ""); !errors.Is(wrapped, io.EOF) || wrapped.Error() != "x: EOF" {
		t.Errorf("%v does not lead to its cause", wrapped)
	}
	if got := fault.New(fault.Gone, "share_gone", "").Error(); got != "share_gone" {
		t.Errorf("without more it says %q", got)
	}
}
