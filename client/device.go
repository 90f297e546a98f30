package client

import (
	"context"
	"net/http"
	"time"
)

// DeviceCode begins the login of a program without a browser: show UserCode and
// VerificationURI to the human, and ask with DeviceToken until they decided.
type DeviceCode struct {
	DeviceCode              Value  `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
}

// DeviceToken is the answer to a device that asks: a token, or in Error why there
// is none: one of the Device constants.
type DeviceToken struct {
	Token
	Email  string `json:"email"`
	UserID string `json:"user_id"`
	OrgID  string `json:"org_id"`
	Error  string `json:"error"`
}

// Why a device gets no token. After the first two it may ask again.
const (
	DevicePending  = "authorization_pending"
	DeviceSlowDown = "slow_down"
	DeviceExpired  = "expired_token"
	DeviceDenied   = "access_denied"
)

// StartDevice begins a login. name is what the human sees of the program.
func (c *Client) StartDevice(ctx context.Context, name string) (*DeviceCode, error) {
	out := new(DeviceCode)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/device/code", public: true,
		body: map[string]string{"client_id": name}}, out))
}

// DeviceToken asks once. Wait Interval seconds between two questions.
func (c *Client) DeviceToken(ctx context.Context, code Value) (*DeviceToken, error) {
	out := new(DeviceToken)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/device/token", public: true,
		body: map[string]string{
			"device_code": string(code.Reveal()), "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
		}}, out))
}

// Enroll asks the human with that mail address to take an agent in. The key is
// mailed to them; whether they have an account does not show.
func (c *Client) Enroll(ctx context.Context, name, humanEmail, description string) (message string, err error) {
	body := map[string]string{"name": name, "human_email": humanEmail}
	if description != "" {
		body["description"] = description
	}
	var out struct {
		Message string `json:"message"`
	}
	err = c.call(ctx, request{method: http.MethodPost, path: "/v1/agents/enroll", public: true, body: body}, &out)
	return out.Message, err
}

// Enrollment is an agent that asks to be taken in.
type Enrollment struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	KeyPrefix   string    `json:"key_prefix"`
	IPAddress   string    `json:"ip_address"`
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// EnrollmentGrant is what an agent gets access to when it is taken in.
type EnrollmentGrant struct {
	VaultID           string   `json:"vault_id,omitempty"`
	SecretPathPattern string   `json:"secret_path_pattern,omitempty"`
	Permissions       []string `json:"permissions,omitempty"`
}

// Enrollments lists the agents that wait for the calling human.
func (c *Client) Enrollments(ctx context.Context) ([]Enrollment, error) {
	var out struct {
		Enrollments []Enrollment `json:"enrollments"`
	}
	err := c.read(ctx, &out, "agents", "enrollments")
	return out.Enrollments, err
}

// AcceptEnrollment takes an agent in. The zero grant gives it no access yet.
func (c *Client) AcceptEnrollment(ctx context.Context, id string, g EnrollmentGrant) (*Agent, error) {
	out := new(Agent)
	return got(out, c.write(ctx, http.MethodPost, g, out, "agents", "enrollments", id, "accept"))
}

// RejectEnrollment turns an agent away.
func (c *Client) RejectEnrollment(ctx context.Context, id string) error {
	return c.write(ctx, http.MethodPost, nil, nil, "agents", "enrollments", id, "reject")
}

// ExchangeCertificate gets a token for the client certificate that the HTTP client
// comes with (auth_method mtls). The token works with that certificate only.
func (c *Client) ExchangeCertificate(ctx context.Context, agentID string) (*AgentToken, error) {
	out := new(AgentToken)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/agent-token", public: true, repeatable: true,
		body: map[string]string{"agent_id": agentID}}, out))
}
