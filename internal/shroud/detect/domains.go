package detect

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// domains are the lists of a config. A domain stands for its subdomains too.
type domains struct{ blocked, allowed map[string]bool }

func newDomains(o Options) domains {
	set := func(list []string) map[string]bool {
		out := map[string]bool{}
		for _, d := range list {
			d = strings.ToLower(strings.Trim(strings.TrimPrefix(strings.TrimSpace(d), "*."), "."))
			if d = strings.TrimSuffix(d, "..."); d != "" {
				out[d] = true
			}
		}
		return out
	}
	return domains{set(o.Network.Blocked), set(o.Network.Allowed)}
}

func has(set map[string]bool, host string) bool {
	for host = strings.TrimSuffix(host, "."); ; {
		if set[host] {
			return true
		}
		_, rest, ok := strings.Cut(host, ".")
		if !ok {
			return false
		}
		host = rest
	}
}

// find looks at every name of a host: after "://" all of them count, elsewhere
// those that are blocked.
func (d domains) find(v *text.View) []finding.Finding {
	var found []finding.Finding
	s := v.Text
	note := func(pattern string, start, end int) {
		found = append(found, finding.Finding{Threat: finding.Network, Pattern: pattern, Severity: finding.High, Span: v.Origin(start, end), Score: scoreOf(finding.High), Via: v.Via})
	}
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], '.')
		if n < 0 {
			break
		}
		i += n
		start, end := i, i
		for start > 0 && hostChar(s[start-1]) && i-start < maxHost {
			start--
		}
		for end < len(s) && hostChar(s[end]) {
			end++
		}
		i = max(i+1, end)
		if end-start > maxHost || end-start < 4 {
			continue
		}
		host := strings.ToLower(s[start:end])
		switch {
		case has(d.blocked, host):
			note("blocked_domain", start, end)
		case len(d.allowed) > 0 && afterScheme(s[:start]) && !has(d.allowed, host):
			note("domain_not_allowed", start, end)
		}
	}
	return found
}

const maxHost = 253

func hostChar(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-'
}

// afterScheme says whether a text ends where the host of a URL begins.
func afterScheme(s string) bool {
	if strings.HasSuffix(s, "://") {
		return true
	}
	if !strings.HasSuffix(s, "@") {
		return false
	}
	tail := s[max(0, len(s)-200):]
	at := strings.LastIndex(tail, "://")
	return at >= 0 && !strings.ContainsAny(tail[at+3:], "/ \n\t\"'")
}

// ownAddress says whether a URL leads to this machine, or to a private network.
func ownAddress(raw string) bool {
	_, host, _ := strings.Cut(strings.TrimRight(raw, "/?# \t\n\"'"), "://")
	if strings.Contains(host, "@") { // somebody's name, which may be anything
		u, err := url.Parse("x://" + host)
		if err != nil {
			return false
		}
		host = u.Hostname()
	}
	if end := strings.IndexAny(host, ":/?#"); end >= 0 {
		host = host[:end]
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsUnspecified())
}
