package binding

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Shortest is the size of the shortest value that is sent, without blanks and line breaks: a
// shorter one could not be told from other text, or could be guessed by what is taken out of answers.
const Shortest = 8

// Size is how many bytes of a value are looked for.
func Size(value []byte) int {
	n := 0
	for part := range bytes.FieldsSeq(value) {
		n += len(part)
	}
	return n
}

// Short reports whether a value is too short to be sent, or what another server may repeat of it alone: the password of
// a pair of basic credentials, or of an object of JSON. named says that the user of such credentials is not in the value.
func (b *Binding) Short(value []byte, named bool) bool {
	if Size(value) < Shortest {
		return true
	}
	switch b.In.Kind() {
	case "sigv4", "hmac", "oauth2":
		return false // it is not sent
	case "basic":
		if user, password, ok := bytes.Cut(value, []byte(":")); ok && !named && Size(Alone(user, password)) < Shortest {
			return true
		}
	}
	return shortPassword(value)
}

// Alone is what of a pair of basic credentials is the secret: the password, or the user where that is the key.
func Alone(user, password []byte) []byte {
	if len(password) > 0 {
		return password
	}
	return user
}

// shortPassword reports whether a value is JSON with a password in it that is too short.
func shortPassword(value []byte) bool {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || value[0] != '{' && value[0] != '[' {
		return false
	}
	var all any
	return json.Unmarshal(value, &all) == nil && hasShort(all)
}

func hasShort(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, hasShort)
	case map[string]any:
		for name, x := range v {
			text, isText := x.(string)
			_, isNumber := x.(float64)
			if isPassword(name) && (isNumber || isText && text != "" && Size([]byte(text)) < Shortest) || hasShort(x) {
				return true
			}
		}
	}
	return false
}

// isPassword reports whether a member of an object is a password by its name: db_password, clientSecret.
func isPassword(name string) bool {
	name = strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(name))
	for _, end := range []string{"password", "passwd", "passphrase", "secret", "token", "apikey"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return name == "pass" || name == "pwd" || name == "pw"
}
