package gate

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// Events takes the events of requests that no domain method recorded.
type Events interface {
	Append(ctx context.Context, ev *audit.Event) error
}

// Gate is what all surfaces share: limits, budgets, turns. Its exported fields are set
// before the first request and not changed after it.
type Gate struct {
	Identity  *identity.Service
	IPRules   *iprule.Service
	Billing   *billing.Service
	Payments  *x402.Service // by request; nil: none
	Events    Events
	Limits    *ratelimit.Limiter
	Proxies   proxies.Set // whose word on the caller's address is taken
	PublicURL string      // for what is to be paid
	Now       func() time.Time
	Log       *slog.Logger

	budgets *budgets
	turns   *turns
}

// Limit says which limit, beside the general one, a route counts against.
type Limit uint8

// The limits.
const (
	NoLimit       Limit = iota
	AuthLimit           // attempts at passwords and codes: counted always
	ExchangeLimit       // exchanges of 256-bit keys: counted when they fail
)

// Route is one operation of a surface.
type Route struct {
	Path   string // as it is declared, for the count of the month
	Action policy.Action
	Limit  Limit
	// KnowsCaller is set where nobody is asked for a credential, but one that is sent must
	// be good.
	KnowsCaller bool
	// Serve answers, or returns why not before anything was written. It reads a body with
	// Request.Read and runs the operation in Request.Decide: a write outside has no basis
	// that is checked in its transaction.
	Serve func(x *Request, r *http.Request) error
}

// Surface is one of the server's faces: REST, a proxy.
type Surface struct {
	*Gate
	// Find returns the route of a request. An error is the refusal of one that has no route.
	Find func(r *http.Request) (*Route, error)
	// Credential returns what the request carries to say who sends it, or nothing.
	Credential func(r *http.Request) string
	// Routers says that callers may come with router keys, which call models alone.
	Routers bool
	// Recorded reports whether a request leaves an event, whatever becomes of it.
	Recorded func(r *http.Request) bool
	// Refusal shows an error. It holds neither what was sent nor a cause.
	Refusal func(err error) Refusal
}

// Refusal is an answer to a request that was not served.
type Refusal struct {
	Status int
	Header http.Header
	Body   []byte
}

// Request is one request and its answer. It holds the answer back until the
// request's audit event is in the log: that is what makes every request leave
// exactly one, also a refused one, and nothing leave without it.
type Request struct {
	http.ResponseWriter
	Call call.Call

	at      *Surface
	event   audit.Event
	token   string         // the caller's credential, where one is asked for
	seen    int64          // the latest change of rights that its check knows of
	spent   []secret.Bytes // to be wiped when the operation has run; see decide.go
	audited bool
	started bool
	status  int
	dropped bool // the answer was replaced: its body must not be sent
	head    bool // nobody asked for the body
	read    bool // the body was

	own    part  // of the budgets
	within *part // that of the request which made this one, in this process

	passed   billing.Pass  // counted; see metering.go
	endpoint string        // the route that was counted
	receipt  *x402.Receipt // of the payment that let it in; see payment.go
}

type requestKey struct{}
