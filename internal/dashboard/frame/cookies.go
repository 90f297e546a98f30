package frame

import (
	"net/http"
	"net/url"
)

// naming is how the cookies of a server are named. A server that people open over https has
// names with the prefix __Host-, which no other host can set (RFC 6265bis, 4.1.3.2).
// Cookies do not tell ports apart, so that on plain http the names do.
type naming struct {
	secure      bool
	before, end string
}

func namingFor(public string) naming {
	u, err := url.Parse(public)
	switch {
	case err == nil && u.Scheme == "https":
		return naming{secure: true, before: "__Host-"}
	case err == nil && u.Port() != "":
		return naming{end: "-" + u.Port()}
	}
	return naming{}
}

func (n naming) name(of string) string { return n.before + of + n.end }

// get returns a cookie of this server, or "" where the browser has none.
func (n naming) get(r *http.Request, name string) string {
	c, err := r.Cookie(n.name(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// Cookie returns what SetCookie kept in the browser, or "".
func (v *Visit) Cookie(name string) string { return v.frame.named.get(v.R, name) }

// SetCookie gives the browser a cookie that no script reads, for https alone where that is
// how people open the pages. An age is in seconds; one below zero takes the cookie away.
func (v *Visit) SetCookie(name, value string, age int, site http.SameSite) {
	n := v.frame.named
	//nolint:gosec // G124: over plain http on this machine there is no Secure
	http.SetCookie(v.W, &http.Cookie{Name: n.name(name), Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: n.secure, SameSite: site})
}
