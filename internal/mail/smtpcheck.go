package mail

import (
	"net/netip"
	"strings"
	"unicode"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// check finds what can't work, and what would show mails or the password to
// the network.
func (c SMTPConfig) check() error {
	switch {
	case !hostName(c.Host):
		return fault.New(fault.Invalid, "invalid_smtp_host", "The mail server must be a host name or an IP address, without a port.")
	case c.Port < 1 || c.Port > 65535:
		return fault.New(fault.Invalid, "invalid_smtp_port", "The mail server's port must be 1 to 65535: 587 is usual with starttls, 465 with implicit TLS.")
	case c.TLS != STARTTLS && c.TLS != ImplicitTLS && c.TLS != NoTLS:
		return fault.New(fault.Invalid, "invalid_smtp_tls", "TLS to the mail server must be starttls, implicit or none.")
	case c.TLS == NoTLS && !thisMachine(c.Host):
		return fault.New(fault.Invalid, "unsafe_smtp",
			"Without TLS mails may go to this machine only (localhost, 127.0.0.1 or ::1). Use starttls or implicit.")
	case (c.Username == "") != (c.Password.Len() == 0):
		return fault.New(fault.Invalid, "incomplete_smtp_login", "Give the mail server's user name and its password, or neither.")
	case strings.ContainsFunc(c.Username+string(c.Password.Reveal()), unicode.IsControl):
		return fault.New(fault.Invalid, "invalid_smtp_login",
			"The mail server's user name and password must not have control characters. Does the password's file end with a new line?")
	}
	return nil
}

func hostName(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Zone() == ""
	}
	if s == "" || len(s) > 253 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	})
}

func thisMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}
