package binding

import (
	"encoding/base64"
	"slices"
	"strings"
)

// What an SSH key may sign, in the place of a place in a request.
const (
	LoginSSH Place = "ssh"    // logins at servers with these host keys
	SignSSH  Place = "sshsig" // files and commits, in these namespaces
)

// mostSSH bounds the host keys and the namespaces of a binding.
const mostSSH = 20

// userOf is the place that takes a user name.
func userOf(b *Binding) string {
	if b.In == LoginSSH {
		return string(LoginSSH)
	}
	return "basic"
}

// checkSSH holds a binding of an SSH key to what tells its uses apart.
func (b *Binding) checkSSH() error {
	switch {
	case len(b.HostKeys) > 0 && b.In != LoginSSH:
		return invalid("A binding has host_keys only with \"in\": \"ssh\".")
	case len(b.Namespaces) > 0 && b.In != SignSSH:
		return invalid("A binding has namespaces only with \"in\": \"sshsig\".")
	case (b.In == LoginSSH || b.In == SignSSH) && (len(b.Methods) > 0 || len(b.Paths) > 0):
		return invalid("A binding of an SSH key has no methods or paths.")
	case b.In == LoginSSH && (len(b.HostKeys) == 0 || len(b.HostKeys) > mostSSH || !all(b.HostKeys, fingerprint)):
		return invalid("\"in\": \"ssh\" needs host_keys: 1 to 20 fingerprints such as SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU, as ssh-keygen -l shows them.")
	case b.In == SignSSH && (len(b.Namespaces) == 0 || len(b.Namespaces) > mostSSH || !all(b.Namespaces, namespace)):
		return invalid("\"in\": \"sshsig\" needs namespaces: 1 to 20 words, such as git for commits and tags.")
	}
	return nil
}

func all(list []string, good func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !good(s) })
}

func fingerprint(s string) bool {
	digest, ok := strings.CutPrefix(s, "SHA256:")
	raw, err := base64.RawStdEncoding.DecodeString(digest)
	return ok && err == nil && len(raw) == 32
}

func namespace(s string) bool { return s != "" && len(s) <= 128 && printable(s) }

// Login returns the binding that lets a key log in as a user at the server with a host key, or
// nil.
func Login(list []Binding, hostKey, user string) *Binding {
	i := slices.IndexFunc(list, func(b Binding) bool {
		return b.In == LoginSSH && slices.Contains(b.HostKeys, hostKey) && (b.User == "" || b.User == user)
	})
	return at(list, i)
}

// Signature returns the binding that lets a key sign in a namespace, or nil.
func Signature(list []Binding, namespace string) *Binding {
	return at(list, slices.IndexFunc(list, func(b Binding) bool { return b.In == SignSSH && slices.Contains(b.Namespaces, namespace) }))
}

func at(list []Binding, i int) *Binding {
	if i < 0 {
		return nil
	}
	return &list[i]
}
