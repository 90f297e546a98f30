package typed

import (
	"encoding/hex"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

var (
	decimal     = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,77})$`)
	hexadecimal = regexp.MustCompile(`^0x[0-9a-fA-F]{1,64}$`)
)

// reader makes values of JSON.
type reader struct {
	types types
	left  int // values that may still come
}

func (r *reader) value(typ string, in jsontext.Value, depth int) (Value, error) {
	if r.left--; r.left < 0 || depth > maxDepth {
		return Value{}, invalid("Typed data has at most 20,000 values, and 12 of them in each other.")
	}
	v := Value{Type: typ}
	var err error
	switch fields, isStruct := r.types[typ]; {
	case strings.HasSuffix(typ, "]"):
		err = r.array(&v, in, depth)
	case isStruct:
		err = r.structure(&v, fields, in, depth)
	default:
		t, _ := basic(typ) // known said so
		v.Value, err = single(&t, in)
	}
	for i := range v.items {
		v.List = append(v.List, v.items[i].Value)
	}
	return v, err
}

func (r *reader) structure(v *Value, fields []field, in jsontext.Value, depth int) error {
	v.Kind = abi.Tuple
	var has map[string]jsontext.Value
	if in.Kind() != '{' || json.Unmarshal(in, &has) != nil || len(has) != len(fields) {
		return invalid("An object must have exactly the fields of its type.")
	}
	for _, f := range fields {
		part, ok := has[f.Name]
		if !ok {
			return invalid("An object must have exactly the fields of its type.")
		}
		item, err := r.value(f.Type, part, depth+1)
		if err != nil {
			return err
		}
		v.Names, v.items = append(v.Names, f.Name), append(v.items, item)
	}
	return nil
}

func (r *reader) array(v *Value, in jsontext.Value, depth int) error {
	v.Kind = abi.List
	at := strings.LastIndexByte(v.Type, '[')
	elem, size := v.Type[:at], v.Type[at+1:len(v.Type)-1]
	var parts []jsontext.Value
	if in.Kind() != '[' || json.Unmarshal(in, &parts) != nil || size != "" && size != strconv.Itoa(len(parts)) {
		return invalid("An array must have as many elements as its type says.")
	}
	if size != "" {
		v.Kind = abi.Array
	}
	for _, p := range parts {
		item, err := r.value(elem, p, depth+1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return nil
}

// single makes a value of a basic type.
func single(t *abi.Type, in jsontext.Value) (abi.Value, error) {
	var text string
	isText := in.Kind() == '"'
	if isText && json.Unmarshal(in, &text) != nil {
		return abi.Value{}, invalid("A text is not valid.")
	}
	if in.Kind() == '0' {
		text = string(in)
	}
	switch t.Kind {
	case abi.String:
		if isText {
			return abi.OfString(text), nil
		}
	case abi.Bool:
		if k := in.Kind(); k == 't' || k == 'f' {
			return abi.OfBool(k == 't'), nil
		}
	case abi.Address:
		if a, err := evm.ParseAddress(text); isText && err == nil {
			return abi.OfAddress(a), nil
		}
	case abi.Bytes, abi.FixedBytes:
		digits, ok := strings.CutPrefix(text, "0x")
		b, err := hex.DecodeString(digits)
		if isText && ok && err == nil && (t.Kind == abi.Bytes || len(b) == t.Size) {
			return abi.Value{Kind: t.Kind, Bytes: b}, nil
		}
	case abi.Uint, abi.Int:
		return number(t, text, isText)
	default:
	}
	return abi.Value{}, invalid("A value is not of its type, which is one of address, bool, string, bytes or a number; bytes are 0x and digits, of exactly their length.")
}

func number(t *abi.Type, text string, isText bool) (abi.Value, error) {
	base := 10
	switch {
	case decimal.MatchString(text) && text != "-0":
	case isText && hexadecimal.MatchString(text):
		text, base = text[2:], 16
	default:
		return abi.Value{}, invalid("A number is whole, in decimal or with 0x, without an exponent.")
	}
	n, _ := new(big.Int).SetString(text, base)
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(t.Size))
	if t.Kind == abi.Int {
		high.Rsh(high, 1)
		low.Neg(high)
	}
	if n.Cmp(low) < 0 || n.Cmp(high) >= 0 {
		return abi.Value{}, invalid("A number is too large or too small for its type.")
	}
	v := abi.OfInt(n)
	v.Kind = t.Kind
	return v, nil
}
