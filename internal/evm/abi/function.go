package abi

import (
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Function is a function of a contract.
type Function struct {
	Name     string
	Selector [4]byte // the first bytes of calldata
	Inputs   []Type
}

// ErrorDef is an error that a contract may revert with.
type ErrorDef Function

var name = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]{0,127}$`)

// ParseSignature parses a signature such as "transfer(address,uint256)": types in
// full, no blanks, no names of parameters.
func ParseSignature(s string) (Function, error) {
	before, _, ok := strings.Cut(s, "(")
	if !ok || len(s) > maxSignature || !name.MatchString(before) {
		return Function{}, errSignature()
	}
	p := parser{rest: s[len(before)+1:]}
	inputs, ok := p.list(1)
	if !ok || p.rest != "" {
		return Function{}, errSignature()
	}
	return newFunction(before, inputs), nil
}

func newFunction(name string, inputs []Type) Function {
	f := Function{Name: name, Inputs: inputs}
	h := evm.Keccak256([]byte(f.String()))
	f.Selector = [4]byte(h[:4])
	return f
}

func errSignature() error {
	return fault.New(fault.Invalid, "invalid_function_signature",
		"A function is its name and its types in full, without blanks and names, such as transfer(address,uint256).")
}

// String is the signature.
func (f *Function) String() string { return f.Name + join(f.Inputs) }

// Decode decodes calldata of f, selector and all, as Decode does.
func (f *Function) Decode(calldata []byte) ([]Value, error) {
	if len(calldata) < 4 || [4]byte(calldata) != f.Selector {
		return nil, ErrShort
	}
	return Decode(f.Inputs, calldata[4:])
}

// Encode is the calldata of f with the arguments.
func (f *Function) Encode(args ...Value) ([]byte, error) {
	body, err := Encode(f.Inputs, args)
	return append(append([]byte{}, f.Selector[:]...), body...), err
}

// Bounds of an ABI in JSON.
const (
	maxJSON    = 1 << 20 // bytes
	maxEntries = 4096
)

type entry struct {
	Type   string  `json:"type"`
	Name   string  `json:"name"`
	Inputs []param `json:"inputs"`
}

type param struct {
	Name       string  `json:"name"`
	Type       string  `json:"type"`
	Components []param `json:"components"`
}

// FromJSON takes functions and errors from the ABI of a contract as compilers
// write it. It passes over constructors, events and the rest.
func FromJSON(abi []byte) ([]Function, []ErrorDef, error) {
	var entries []entry
	if len(abi) > maxJSON || json.Unmarshal(abi, &entries) != nil || len(entries) > maxEntries {
		return nil, nil, errABI()
	}
	var functions []Function
	var errs []ErrorDef
	for _, e := range entries {
		if e.Type != "function" && e.Type != "error" {
			continue
		}
		text, ok := signature(e.Inputs, 1)
		f, err := ParseSignature(e.Name + text)
		if !ok || err != nil {
			return nil, nil, errABI()
		}
		for i := range f.Inputs {
			f.Inputs[i].label(&e.Inputs[i])
		}
		if e.Type == "error" {
			errs = append(errs, ErrorDef(f))
		} else {
			functions = append(functions, f)
		}
	}
	return functions, errs, nil
}

func errABI() error {
	return fault.New(fault.Invalid, "invalid_abi", "This is not the ABI of a contract in JSON, or it is over 1 MiB.")
}

// signature is the types of params in parentheses, a tuple's spelled out.
func signature(params []param, nesting int) (string, bool) {
	parts := make([]string, len(params))
	for i, p := range params {
		parts[i] = p.Type
		if suffix, ok := strings.CutPrefix(p.Type, "tuple"); ok {
			inner, ok := signature(p.Components, nesting+1)
			if !ok || nesting > maxNesting {
				return "", false
			}
			parts[i] = inner + suffix
		}
	}
	return "(" + strings.Join(parts, ",") + ")", true
}

// label gives t and its fields the names of p.
func (t *Type) label(p *param) {
	t.Name = p.Name
	for t.Elem != nil {
		t = t.Elem
	}
	for i := range t.Fields {
		if i < len(p.Components) {
			t.Fields[i].label(&p.Components[i])
		}
	}
}

// MarshalText is String, for JSON.
func (f Function) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText is ParseSignature, for JSON.
func (f *Function) UnmarshalText(text []byte) (err error) {
	*f, err = ParseSignature(string(text))
	return err
}
