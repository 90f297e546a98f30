package childproxy

import (
	"errors"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/placeholder"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

var (
	errStranger = fault.New(fault.Denied, "proxy_not_yours", "This proxy is for the programs of another command.")
	errForm     = fault.New(fault.Invalid, "proxy_request", "A request to a proxy names an http:// or https:// address, without a user.")
	errHost     = fault.New(fault.Invalid, "proxy_host", "The host of the request is not written as a name in ASCII or an address, with a port.")
	errSelf     = fault.New(fault.Invalid, "proxy_itself", "The request is for the proxy itself.")
	errMethod   = fault.New(fault.NotAllowed, "proxy_method", "TRACE shows credentials, so it is not sent.")
	errUnbound  = fault.New(fault.Denied, "proxy_host_not_bound", "No secret of this run is bound to the host, and --deny-unbound refuses all others.")
	errAgree    = fault.New(fault.Invalid, "proxy_hosts_differ", "The request names another host than the tunnel that it is in.")
	errWrong    = fault.New(fault.Denied, "placeholder_not_for_host",
		"The request has a placeholder of a secret that is not bound to this host, so it was not sent. See `oneclaw bindings`; a human adds one with `oneclaw bind PATH --host HOST`.")
	errPlace = fault.New(fault.Invalid, "placeholder_misplaced",
		"The request has a placeholder where no secret goes, or a part of one, so it was not sent. It stands once, in a header such as Authorization, in a parameter of the query, or in a body where a binding says so.")
	errMany = fault.New(fault.Invalid, "placeholder_twice", "The request has a placeholder of one secret twice, so it was not sent.")
	errDown = errors.New("the other server could not be reached, or its answer broke off")
)

// refuse answers a program with why its request was not sent: its tool shows that to whoever
// reads along.
func refuse(w http.ResponseWriter, err error) {
	status, code, detail := reason(err)
	w.Header().Set("Oneclaw-Proxy-Error", code)
	http.Error(w, "oneclaw proxy: "+detail+" ("+code+")", status)
}

// reason is the one place where a failure becomes an answer.
func reason(err error) (status int, code, detail string) {
	if errors.Is(err, placeholder.ErrFound) {
		err = errPlace
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch {
		case e.Status == http.StatusUnauthorized: // of oneclaw, not of the host: a tool would ask for another password
			return http.StatusBadGateway, e.Code, "oneclaw does not take the credential of this command any more."
		case e.Status == 0:
			return http.StatusBadGateway, e.Code, "The oneclaw server can't be reached."
		}
		return e.Status, e.Code, e.Detail
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok { // as gateways say it
		return http.StatusBadGateway, "proxy_upstream", "The other server could not be reached, or its answer broke off."
	}
	switch e.Kind {
	case fault.Invalid:
		status = http.StatusBadRequest
	case fault.Denied:
		status = http.StatusForbidden
	case fault.NotAllowed:
		status = http.StatusMethodNotAllowed
	default:
		status = http.StatusBadGateway
	}
	return status, e.Code, e.Detail
}
