// Package httpapi is the REST surface: it decodes a request, calls one domain
// method, and encodes the answer.
//
// Its promise: every operation declares the policy action that it is; every
// request under /v1 but health leaves exactly one audit event before the first
// byte of its answer leaves; no error echoes what was sent.
package httpapi

import (
	"context"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

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
	Gate      *gate.Gate // with the services that let requests in
	Accounts  *account.Service
	Agents    *agent.Service
	Orgs      *org.Service
	Vault     *vault.Service
	Sharing   *sharing.Service
	Approvals *approval.Service
	Checkout  *checkout.Service // nil: no payment provider
	Chains    *intents.Chains
	Audit     *audit.Log
	Health    Health
	Version   string
}

// API serves /v1 and /.well-known. It is an http.Handler.
type API struct {
	vault     *vault.Service
	approvals *approval.Service
	sharing   *sharing.Service
	identity  *identity.Service
	accounts  *account.Service
	agents    *agent.Service
	orgs      *org.Service
	iprules   *iprule.Service
	billing   *billing.Service
	payments  *x402.Service
	checkout  *checkout.Service
	chains    *intents.Chains
	audit     *audit.Log
	health    Health
	publicURL string
	gate      *gate.Gate
	at        *gate.Surface
	version   string
	router    *router
	bodies    *bodies
	format    huma.Format
	huma      huma.API
}

// New returns the API with every operation registered.
func New(cfg Config) *API {
	a := &API{
		vault: cfg.Vault, sharing: cfg.Sharing, approvals: cfg.Approvals, identity: cfg.Gate.Identity,
		accounts: cfg.Accounts, agents: cfg.Agents, orgs: cfg.Orgs, iprules: cfg.Gate.IPRules, billing: cfg.Gate.Billing,
		payments: cfg.Gate.Payments, checkout: cfg.Checkout, chains: cfg.Chains, audit: cfg.Audit, health: cfg.Health,
		publicURL: cfg.Gate.PublicURL, version: cfg.Version, gate: cfg.Gate, bodies: &bodies{},
	}
	a.router = &router{root: newNode(), serve: a.serve}
	a.at = a.surface(a.gate)
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
			if x := gate.Of(ctx.Context()); x != nil {
				x.Note(p.Error())
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
	limit        gate.Limit
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
	limit                     gate.Limit
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
		DefaultStatus: o.status, BodyReadTimeout: gate.BodyTime, SkipValidateBody: o.raw,
		Metadata: map[string]any{metaKey: opMeta{action: o.action, limit: o.limit, bodyOptional: o.bodyOptional, knowsCaller: o.knowsCaller, form: o.form}},
		Errors:   errorsOf(o),
	}
	if !o.action.Public() {
		h.Security = []map[string][]string{{"bearer": {}}}
	}
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (*O, error) {
		x := gate.Of(ctx)
		var out *O
		err := x.Decide(ctx, o.method != http.MethodGet, func(ctx context.Context) (err error) {
			out, err = fn(ctx, &x.Call, in)
			return err
		})
		if err != nil {
			x.Fail(err)
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
