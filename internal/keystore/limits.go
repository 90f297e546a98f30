package keystore

import "github.com/oneclaw-dev/oneclaw/internal/fault"

const (
	// MaxID is the longest key id. Its hex form still fits a file name.
	MaxID = 100
	// MaxDEK is the longest data key: enough for any symmetric key, and short
	// enough that nobody is tempted to wrap values themselves.
	MaxDEK = 64
)

// CheckID accepts 1 to MaxID characters of a-z A-Z 0-9 and . _ : - that start
// with a letter or digit.
func CheckID(id string) error {
	ok := len(id) >= 1 && len(id) <= MaxID && alnum(id[0])
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		ok = alnum(c) || c == '.' || c == '_' || c == ':' || c == '-'
	}
	if !ok {
		return fault.New(fault.Invalid, CodeInvalidID,
			"A key id has 1 to 100 letters, digits and . _ : - and starts with a letter or digit.")
	}
	return nil
}

// CheckDEK accepts 1 to MaxDEK bytes.
func CheckDEK(dek []byte) error {
	if len(dek) < 1 || len(dek) > MaxDEK {
		return fault.New(fault.Invalid, CodeInvalidDEK, "A data key has 1 to 64 bytes.")
	}
	return nil
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
