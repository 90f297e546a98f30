package shroud

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// rule checks one field of a shroud_config and brings it into the spelling
// that it is shown in. Where there is something wrong, there is no value.
type rule func(v any) (out any, bad *wrong)

// wrong is a field that is refused: where it is, and why in words that follow its name.
type wrong struct{ at, why string }

func (w *wrong) fault() error {
	if w.at == "" {
		return errConfig
	}
	return fault.New(fault.Invalid, "invalid_shroud_config", "In shroud_config "+w.at+" "+w.why)
}

func takes(ok bool, v any, what string) (any, *wrong) {
	if !ok {
		return nil, &wrong{why: "takes " + what + "."}
	}
	return v, nil
}

func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func oneOf(words ...string) rule {
	return func(v any) (any, *wrong) {
		s, ok := v.(string)
		return takes(ok && slices.Contains(words, s), v, either(words))
	}
}

// renamed is oneOf that takes other clients' words for the same.
func renamed(words map[string]string) rule {
	return func(v any) (any, *wrong) {
		s, _ := v.(string)
		out, ok := words[s]
		return takes(ok, out, either(slices.Compact(slices.Sorted(maps.Values(words)))))
	}
}

func flag(v any) (any, *wrong) {
	_, ok := v.(bool)
	return takes(ok, v, "true or false")
}

func between(low, high float64) rule {
	return func(v any) (any, *wrong) {
		n, ok := v.(float64)
		return takes(ok && n >= low && n <= high, v, fmt.Sprintf("a number from %v to %.0f", low, high))
	}
}

func count(v any) (any, *wrong) {
	n, ok := v.(float64)
	if ok = ok && n >= 0 && n <= 1<<53 && n == float64(int64(n)); !ok {
		n = 0
	}
	return takes(ok, int64(n), "a whole number")
}

const maxList = 1000

func texts(v any) (any, *wrong) {
	list, ok := v.([]any)
	for _, e := range list {
		s, isText := e.(string)
		ok = ok && isText && len(s) <= 512
	}
	return takes(ok && len(list) <= maxList, v, "a list of at most 1,000 texts of at most 512 bytes")
}

// unheld is the rule of a field that is taken, and not kept.
func unheld(any) (any, *wrong) { return nil, nil }

// part is an object within the config; alias names fields of other spellings.
func part(fields map[string]rule, alias map[string]string) rule {
	return func(v any) (any, *wrong) {
		in, ok := v.(map[string]any)
		if !ok {
			return takes(false, nil, "an object")
		}
		out := map[string]any{}
		for _, sent := range slices.Sorted(maps.Keys(in)) {
			v, name := in[sent], sent
			if other, ok := alias[name]; ok {
				if _, both := in[other]; both {
					continue // the proper spelling wins
				}
				name = other
			}
			check, known := fields[name]
			if bad := misspelt(name, fields); !known && bad != nil {
				return nil, bad
			}
			if !known {
				continue // of a later version
			}
			if v == nil {
				continue // null is the default
			}
			is, bad := check(v)
			if bad != nil {
				bad.at = strings.TrimSuffix(sent+"."+bad.at, ".")
				return nil, bad
			}
			if is != nil {
				out[name] = is
			}
		}
		return out, nil
	}
}

// misspelt refuses a field that is like a known one, and says which may be meant: a limit that
// somebody misspelt must not go missing. It is nil for all others: later versions of the contract
// have more fields, and their clients send them.
func misspelt(name string, fields map[string]rule) *wrong {
	const longest = 40
	letters := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		meant := strings.ReplaceAll(field, "_", "")
		if len(name) <= longest && len(letters) > 3 && strings.HasPrefix(meant, letters) || letters == meant+"s" {
			return &wrong{at: name, why: "is not known. Is " + field + " meant?"}
		}
	}
	return nil
}
