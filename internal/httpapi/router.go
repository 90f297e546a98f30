package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// route is one operation as the router finds it.
type route struct {
	gate.Route
	ids []string // the parameters that are UUIDs

	maxBody      int64 // 0: the operation takes none
	bodyOptional bool
	form         bool
}

// router matches requests on their escaped path, segment by segment, and
// decodes each segment once. A segment named "path" takes the rest of the
// request's path: a secret's path arrives raw (a/b), per-segment encoded, or
// whole (a%2Fb), and all three give the same value here. Where the route goes on behind it, the
// last segment is not the path's. Nothing is cleaned or
// redirected: "..", "//" and "%2e%2e" reach the parser of secret paths as they
// were sent, and it refuses them.
type router struct {
	root *node
}

type node struct {
	static  map[string]*node
	param   *node
	name    string // of the parameter that leads here
	rest    bool
	methods map[string]*route
}

func newNode() *node { return &node{static: map[string]*node{}, methods: map[string]*route{}} }

func (rt *router) add(method, path string, to *route) {
	n := rt.root
	for seg := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		name, isParam := strings.CutPrefix(seg, "{")
		if !isParam {
			if n.static[seg] == nil {
				n.static[seg] = newNode()
			}
			n = n.static[seg]
			continue
		}
		if name = strings.TrimSuffix(name, "}"); strings.HasSuffix(name, "_id") {
			to.ids = append(to.ids, name)
		}
		if n.param == nil {
			n.param = newNode()
			n.param.name = name
			n.param.rest = n.param.name == "path"
		}
		n = n.param
	}
	n.methods[method] = to
}

// find returns the route of r, with its path values set; or nil and the methods
// that the path does allow, if any.
func (rt *router) find(r *http.Request) (*route, []string) {
	n, rest := rt.root, strings.TrimPrefix(r.URL.EscapedPath(), "/")
	for {
		seg, tail, more := strings.Cut(rest, "/")
		next := n.static[seg]
		if next == nil {
			if next = n.param; next == nil {
				return nil, nil
			}
			if next.rest {
				seg, tail, more = pathOf(rest, next.param != nil)
			}
			value, err := url.PathUnescape(seg)
			if err != nil || value == "" && !next.rest {
				return nil, nil
			}
			r.SetPathValue(next.name, value)
		}
		n, rest = next, tail
		if !more {
			break
		}
	}
	method := r.Method
	if method == http.MethodHead { // RFC 9110, section 9.3.2: as GET, without what it says
		method = http.MethodGet
	}
	if to := n.methods[method]; to != nil {
		return to, nil
	}
	var allowed []string
	if n.methods[http.MethodGet] != nil {
		allowed = append(allowed, http.MethodHead)
	}
	for m := range n.methods {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	return nil, allowed
}

// pathOf is a secret's path and what follows it, if something does: one segment.
func pathOf(rest string, goesOn bool) (path, tail string, more bool) {
	if i := strings.LastIndexByte(rest, '/'); goesOn && i >= 0 {
		return rest[:i], rest[i+1:], true
	}
	return rest, "", false
}
