package mcpserver

import (
	"strings"
)

// notice is a failure whose text is complete and fit for the model.
type notice string

func (n notice) Error() string { return string(n) }

func noSecret(path string) error { return notice("No secret found at path '" + path + "'.") }

// sentence ends s with a full stop and a space, unless it is empty.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s + " "
}
