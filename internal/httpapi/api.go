// Package httpapi is the REST surface: it decodes a request, calls one domain
// method, and encodes the answer.
//
// Its promise: every operation declares the policy action that it is; every
// request under /v1 but health leaves exactly one audit event before the first
// byte of its answer leaves; no error echoes what was sent.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// Events takes the events of requests that no domain method recorded.
type Events interface {
	Append(ctx context.Context, ev *audit.Event) error
}

// Health tells how the server's parts are.
type Health interface {
	// Ready returns nil when the last events were written and signed. The code of
	// its error says what is wrong.
	Ready(ctx context.Context) error
	// Keystore returns the provider's name and whether it answers.
	Keystore(ctx context.Context) (provider string, connected bool)
}

// Config is what the API is made of.
type Config struct {
	Vault     *vault.Service
	Approvals *approval.Service
	Identity  *identity.Service
	Billing   *billing.Service
	Payments  *x402.Service     // by request; nil: none
	Checkout  *checkout.Service // nil: no payment provider
	Chains    *intents.Chains
	Audit     *audit.Log
	Events    Events
	Health    Health
	Limits    Limits
	Budgets   Budgets
	Sharing   *sharing.Service
	// PublicURL is where humans reach the server, for the pages that answers name.
	PublicURL string
	Proxies   proxies.Set // whose word on the caller's address is taken
	Version   string
	Now       func() time.Time
	Log       *slog.Logger
}

// API serves /v1 and /.well-known. It is an http.Handler.
type API struct {
	vault     *vault.Service
	approvals *approval.Service
	sharing   *sharing.Service
	identity  *identity.Service
	billing   *billing.Service
	payments  *x402.Service
	checkout  *checkout.Service
	chains    *intents.Chains
	audit     *audit.Log
	events    Events
	health    Health
	publicURL string
	limits    *limits
	ingress   *ingress
	proxies   proxies.Set
	version   string
	now       func() time.Time
	log       *slog.Logger
	router    *router
	bodies    *bodies
	format    huma.Format
	huma      huma.API
	turns     turns
}

// New returns the API with every operation registered.
func New(cfg Config) *API {
	a := &API{
		vault: cfg.Vault, sharing: cfg.Sharing, approvals: cfg.Approvals, identity: cfg.Identity, billing: cfg.Billing, payments: cfg.Payments, checkout: cfg.Checkout, chains: cfg.Chains, audit: cfg.Audit, events: cfg.Events, health: cfg.Health,
		limits: newLimits(cfg.Limits), proxies: cfg.Proxies, version: cfg.Version, now: cfg.Now, log: cfg.Log,
		publicURL: cfg.PublicURL,
		router:    &router{root: newNode()}, bodies: &bodies{}, ingress: newIngress(cfg.Budgets),
	}
	a.bodies.pace = a.ingress.Pace
	a.format = format(a.bodies)
	a.huma = huma.NewAPI(a.humaConfig(), a.router)
	a.registerHealth()
	a.registerAuth()
	a.registerDevice()
	a.registerProviders()
	a.registerAPIKeys()
	a.registerVaults()
	a.registerVaultJobs()
	a.registerSecrets()
	a.registerPolicies()
	a.registerShares()
	a.registerAgents()
	a.registerEnroll()
	a.registerApprovals()
	a.registerOrg()
	a.registerAudit()
	a.registerBilling()
	a.registerAdmin()
	a.registerChains()
	a.registerX402()
	a.registerOpenAPI()
	return a
}

// OpenAPI is the document of every operation, made from the Go types.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

var setHuma sync.Once

func (a *API) humaConfig() huma.Config {
	// huma makes its own errors through two variables only, and takes keys in any
	// case unless a third says otherwise. They are set once, before the first API
	// is made, and never change.
	setHuma.Do(func() {
		huma.ValidateStrictCasing = true // a key in another case is another key: what decodes is what was checked
		huma.NewError = validationProblem
		huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
			p := validationProblem(status, msg, errs...)
			if x, ok := ctx.Context().Value(exchangeKey{}).(*exchange); ok && x.event.Details.Reason == "" {
				x.event.Details.Reason = p.Error()
			}
			return p
		}
	})
	cfg := huma.DefaultConfig("oneclaw", a.version)
	cfg.Info.Description = "A self-hosted vault for AI agents. It speaks the 1Claw v1.1.0 contract."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks, cfg.Transformers = nil, nil
	cfg.Formats = map[string]huma.Format{jsonType: a.format, "json": a.format, linesType: a.format}
	cfg.AllowAdditionalPropertiesByDefault = true // clients of later versions send more fields
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A JWT, a user's API key (1ck_...) or an agent's key (ocv_...)."},
	}
	return cfg
}

const metaKey = "oneclaw"

// opMeta is what an operation declares beside its shape.
type opMeta struct {
	action       policy.Action
	limit        limitClass
	bodyOptional bool
	knowsCaller  bool
	form         bool
}

// op is an operation as the resource files declare it.
type op struct {
	method, path, id, summary string
	tag                       string
	action                    policy.Action
	status                    int // of success; 0 means 200, or 204 without a body
	limit                     limitClass
	errors                    []int // beside those that all have
	bodyOptional              bool  // no body is as good as {}
	form                      bool  // a body of type application/x-www-form-urlencoded is taken too
	raw                       bool  // the body is taken as it came: its signature is over every byte
	knowsCaller               bool  // public, but a credential that is sent must be good, and says who calls
}

// handle registers an operation whose handler gets the call as an argument.
func handle[I, O any](a *API, o op, fn func(ctx context.Context, c *call.Call, in *I) (*O, error)) {
	h := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.summary, Tags: []string{o.tag},
		DefaultStatus: o.status, BodyReadTimeout: bodyTime, SkipValidateBody: o.raw,
		Metadata: map[string]any{metaKey: opMeta{action: o.action, limit: o.limit, bodyOptional: o.bodyOptional, knowsCaller: o.knowsCaller, form: o.form}},
		Errors:   errorsOf(o),
	}
	if !o.action.Public() {
		h.Security = []map[string][]string{{"bearer": {}}}
	}
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (*O, error) {
		x := ctx.Value(exchangeKey{}).(*exchange)
		var out *O
		err := x.decide(ctx, o.method != http.MethodGet, func(ctx context.Context) (err error) {
			out, err = fn(ctx, &x.call, in)
			return err
		})
		if err != nil {
			x.fail(err)
			return nil, problemOf(err)
		}
		return out, nil
	})
}

// errorsOf lists the statuses that an operation may answer with.
func errorsOf(o op) []int {
	out := append([]int{http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable}, o.errors...)
	if !o.action.Public() {
		out = append(out, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound)
	}
	return out
}

// body is a response with a body.
type body[T any] struct{ Body T }

// empty is a response without one: 204.
type empty struct{}
