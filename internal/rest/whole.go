package rest

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// wholeNumbers decodes whole numbers however they are written: 1.0 and 1e2 are 1 and 100, as
// the schema has it and JSON itself, which tells no integers from other numbers (RFC 8259
// section 6).
func wholeNumbers() json.Options {
	return json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(whole[int]), json.UnmarshalFromFunc(whole[int64]), json.UnmarshalFromFunc(whole[uint64]),
	))
}

var errNotWhole = errors.New("no whole number that can be kept")

// maxExact is up to where a float64 holds every whole number.
const maxExact = 1 << 53

func whole[T int | int64 | uint64](dec *jsontext.Decoder, to *T) error {
	if dec.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	text := string(raw)
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) >= maxExact {
			return errNotWhole
		}
		text = strconv.FormatFloat(f, 'f', 0, 64)
	}
	return json.Unmarshal([]byte(text), to)
}
