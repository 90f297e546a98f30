package typed

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

type field struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// types are the structs by name.
type types map[string][]field

var (
	identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]{0,127}$`)
	// reserved names look like types of one value, whether there are such or not.
	reserved = regexp.MustCompile(`^(address|bool|string|(uint|int|bytes|fixed|ufixed)[0-9x]*)$`)
	// suffixes are of arrays: [] or [n].
	suffixes = regexp.MustCompile(`^(\[([1-9][0-9]{0,4})?\])*$`)
)

// domainFields are what a domain may have, in the order of EIP-712.
func domainFields() []field {
	return []field{{"name", "string"}, {"version", "string"}, {"chainId", "uint256"}, {"verifyingContract", "address"}, {"salt", "bytes32"}}
}

// newTypes checks the structs. The domain's is made of the fields that the domain
// has when it is not among them.
func newTypes(in map[string][]field, domain jsontext.Value) (types, error) {
	t := types{}
	for name, fields := range in {
		if !identifier.MatchString(name) || reserved.MatchString(name) {
			return nil, invalid("The name of a struct is an identifier that is not the name of a basic type.")
		}
		if len(fields) > maxFields || len(in) > maxStructs {
			return nil, invalid("Typed data has at most 64 types, with 64 fields each.")
		}
		t[name] = fields
	}
	if _, ok := t[domainType]; !ok {
		var has map[string]jsontext.Value
		if json.Unmarshal(domain, &has) != nil {
			return nil, invalid("The domain must be an object.")
		}
		t[domainType] = slices.DeleteFunc(domainFields(), func(f field) bool { _, ok := has[f.Name]; return !ok })
	}
	for _, f := range t[domainType] {
		if !slices.Contains(domainFields(), f) {
			return nil, invalid("A domain may have name, version, chainId, verifyingContract and salt, each of its type in EIP-712.")
		}
	}
	for _, fields := range t {
		seen := map[string]bool{}
		for _, f := range fields {
			if !identifier.MatchString(f.Name) || seen[f.Name] {
				return nil, invalid("The fields of a struct must have different names, which are identifiers.")
			}
			seen[f.Name] = true
			if !t.known(f.Type) {
				return nil, invalid("The type of a field must be a struct of the types or a basic type in full, such as uint256, or an array of it.")
			}
		}
	}
	return t, nil
}

// known reports whether s is a type.
func (t types) known(s string) bool {
	base, suffix := split(s)
	if !suffixes.MatchString(suffix) || strings.Count(suffix, "[") > maxDepth {
		return false
	}
	if _, ok := t[base]; ok {
		return base != domainType
	}
	_, ok := basic(base)
	return ok
}

// split cuts the name of a type from its arrays.
func split(s string) (base, suffix string) {
	if i := strings.IndexByte(s, '['); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// basic is the type of one value, if s is one.
func basic(s string) (abi.Type, bool) {
	if !reserved.MatchString(s) {
		return abi.Type{}, false
	}
	t, err := abi.ParseType(s)
	return t, err == nil
}

// encode is the type with those that it needs, as they are hashed (encodeType of
// EIP-712).
func (t types) encode(name string) string {
	var needed []string
	t.collect(name, &needed)
	slices.Sort(needed[1:])
	var b strings.Builder
	for _, n := range needed {
		b.WriteString(n + "(")
		for i, f := range t[n] {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(f.Type + " " + f.Name)
		}
		b.WriteByte(')')
	}
	return b.String()
}

func (t types) collect(name string, to *[]string) {
	if slices.Contains(*to, name) {
		return
	}
	*to = append(*to, name)
	for _, f := range t[name] {
		base, _ := split(f.Type)
		if _, ok := t[base]; ok {
			t.collect(base, to)
		}
	}
}
