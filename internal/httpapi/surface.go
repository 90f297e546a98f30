package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

// surface is REST at the gate.
func (a *API) surface(g *gate.Gate) *gate.Surface {
	return &gate.Surface{
		Gate: g, Credential: bearer, Refusal: a.refusal,
		Recorded: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1") },
		Find: func(r *http.Request) (*gate.Route, error) {
			to, allowed := a.router.find(r)
			switch {
			case to != nil:
				return &to.Route, nil
			case len(allowed) == 0:
				return nil, errNoRoute
			}
			return nil, &otherMethods{strings.Join(allowed, ", ")}
		},
	}
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.at.ServeHTTP(w, r) }

// Receive lets a request of another protocol in: see gate.Surface.Receive.
func (a *API) Receive(w http.ResponseWriter, r *http.Request, limit int64) (*gate.Received, error) {
	return a.at.Receive(w, r, limit)
}

// RefuseOrigin answers a request of a foreign web page, or for another host: see gate.Surface.Refuse.
func (a *API) RefuseOrigin(w http.ResponseWriter, r *http.Request) {
	a.at.Refuse(w, r, errForbiddenOrigin)
}

// Refused records a request that another protocol refuses: see gate.Surface.Refused.
func (a *API) Refused(r *http.Request, status int, reason string) error {
	return a.at.Refused(r, status, reason)
}

// Used is how many bytes requests hold of the two budgets.
func (a *API) Used() (in, out int64) { return a.gate.Used() }

// Peak is the most that Used has been since Peak was last asked for.
func (a *API) Peak() (in, out int64) { return a.gate.Peak() }

var errMethod = fault.New(fault.NotAllowed, "method_not_allowed", "This path takes other methods: see the Allow header.")

var errForbiddenOrigin = fault.New(fault.Denied, "forbidden_origin",
	"This address takes no requests for that host or from that web page. Behind a proxy, set ONECLAW_PUBLIC_URL to the address it is reached at.")

var errNoRoute = fault.New(fault.NotFound, "route_not_found", "There is nothing at this path. GET /v1/openapi.json lists what there is.")

// otherMethods is errMethod with the methods that the path takes.
type otherMethods struct{ allow string }

// Error implements error.
func (o *otherMethods) Error() string { return errMethod.Error() }

// Unwrap returns errMethod.
func (o *otherMethods) Unwrap() error { return errMethod }

// refusal shows an error as a problem, or as the challenge to pay.
func (a *API) refusal(err error) gate.Refusal {
	if c, ok := errors.AsType[*gate.Challenge](err); ok {
		if text, err := rest.Marshal(&c.Body); err == nil {
			h := http.Header{"Content-Type": {rest.JSON}}
			if c.Unknown {
				h.Set("WWW-Authenticate", "Bearer")
			}
			return gate.Refusal{Status: http.StatusPaymentRequired, Header: h, Body: text}
		}
	}
	p := problemOf(err)
	h := p.header()
	if o, ok := errors.AsType[*otherMethods](err); ok {
		h.Set("Allow", o.allow)
	}
	text, _ := rest.Marshal(p) // fixed texts and a list of words
	return gate.Refusal{Status: p.Status, Header: h, Body: text}
}

// route adds an operation to the router: run gets the query, and the body where one is
// taken. Bodies are JSON whatever the header says: browsers can't send a bearer token
// across origins, so there is no forgery to fear, and curl -d works.
func (a *API) route(o *op, takesBody bool, run func(*gate.Request, *http.Request, url.Values, []byte) error) {
	to := &route{
		Route:        gate.Route{Path: o.path, Action: o.action, Limit: o.limit, KnowsCaller: o.knowsCaller},
		bodyOptional: o.bodyOptional, form: o.form,
	}
	if takesBody {
		to.maxBody = maxBody
		if o.action.Public() {
			to.maxBody = maxPublicBody
		}
	}
	to.Serve = func(x *gate.Request, r *http.Request) error {
		if err := checkIDs(r, to.ids); err != nil {
			return err
		}
		query, err := parseQuery(r)
		if err != nil {
			return err
		}
		var data []byte
		if to.maxBody > 0 {
			if data, err = to.read(x, r); err != nil {
				return err
			}
			defer clear(data)
		}
		return run(x, r, query, data)
	}
	a.router.add(o.method, o.path, to)
}

// bearer returns the credential that the request carries, or nothing. Two headers are
// read as one list (RFC 9110, section 5.3), which is no credential: a proxy may have
// looked at the other one.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(strings.Join(r.Header.Values("Authorization"), ", "), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// checkIDs refuses ids that are no UUIDs before anything looks them up: they
// are not found, like those of others.
func checkIDs(r *http.Request, names []string) error {
	for _, name := range names {
		if id := r.PathValue(name); id != "" && !ids.Exact(id) {
			return fault.New(fault.NotFound, "not_found", "There is nothing with this id.")
		}
	}
	return nil
}

// parseQuery refuses what net/http would drop from the query without a word: a
// filter that is not applied shows more than was asked for. Texts that no
// database takes go no further either.
func parseQuery(r *http.Request) (url.Values, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errQuery
	}
	for _, list := range values {
		for _, v := range list {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return nil, errQuery
			}
		}
	}
	return values, nil
}

var errQuery = fault.New(fault.Invalid, "invalid_query", "The query is not well formed: escape it as UTF-8, and join parameters with &.")
