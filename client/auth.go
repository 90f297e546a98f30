package client

import (
	"context"
	"net/http"
	"time"
)

// Token is a bearer token and its life in seconds.
type Token struct {
	AccessToken Value  `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
}

// Login is the reply to a password. With MFARequired there is no AccessToken yet:
// pass MFAToken and a code to VerifyMFA.
type Login struct {
	Token
	MFARequired bool  `json:"mfa_required"`
	MFAToken    Value `json:"mfa_token"`
}

// AgentToken is the reply to an agent's key.
type AgentToken struct {
	Token
	AgentID  string   `json:"agent_id"`
	VaultIDs []string `json:"vault_ids"`
}

// Signup is the reply to a new account. Servers that do not ask for a verification
// mail log in at once: then Token is filled.
type Signup struct {
	Message string `json:"message"`
	Email   string `json:"email"`
	Token
}

// User is the profile of a human.
type User struct {
	ID              string    `json:"id"`
	Email           string    `json:"email"`
	DisplayName     string    `json:"display_name"`
	AuthMethod      string    `json:"auth_method"`
	Role            string    `json:"role"`
	OrgID           string    `json:"org_id"`
	EmailVerified   bool      `json:"email_verified"`
	MarketingEmails bool      `json:"marketing_emails"`
	TOTPEnabled     bool      `json:"totp_enabled"`
	CreatedAt       time.Time `json:"created_at"`
}

// Login exchanges an email and a password for a token. The client itself does not
// change: use UsingToken with the reply.
func (c *Client) Login(ctx context.Context, email string, password Value) (*Login, error) {
	out := new(Login)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/token", public: true,
		body: map[string]string{"email": email, "password": string(password.Reveal())}}, out))
}

// VerifyMFA answers the challenge of a Login with a code or a recovery code.
func (c *Client) VerifyMFA(ctx context.Context, mfaToken Value, code string) (*Token, error) {
	out := new(Token)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/mfa/verify", public: true,
		body: map[string]string{"mfa_token": string(mfaToken.Reveal()), "code": code}}, out))
}

// Signup makes an account. displayName may be empty.
func (c *Client) Signup(ctx context.Context, email string, password Value, displayName string) (*Signup, error) {
	body := map[string]string{"email": email, "password": string(password.Reveal())}
	if displayName != "" {
		body["display_name"] = displayName
	}
	out := new(Signup)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/signup", public: true, body: body}, out))
}

// Setup makes the first owner of a server without users, with the code that it printed as it
// started. displayName may be empty.
func (c *Client) Setup(ctx context.Context, code, email string, password Value, displayName string) (*Signup, error) {
	body := map[string]string{"setup_code": code, "email": email, "password": string(password.Reveal())}
	if displayName != "" {
		body["display_name"] = displayName
	}
	out := new(Signup)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/signup", public: true, body: body}, out))
}

// VerifyEmail confirms the address of a new account with the token of its mail.
func (c *Client) VerifyEmail(ctx context.Context, token string) (*Token, error) {
	out := new(Token)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/verify-email", public: true,
		body: map[string]string{"token": token}}, out))
}

// Me returns the profile of the logged-in human. Agents get 403: see AgentMe.
func (c *Client) Me(ctx context.Context) (*User, error) {
	out := new(User)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/auth/me", repeatable: true}, out))
}

// ChangePassword replaces the password of the logged-in human.
func (c *Client) ChangePassword(ctx context.Context, current, replacement Value) error {
	return c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/change-password", body: map[string]string{
		"current_password": string(current.Reveal()), "new_password": string(replacement.Reveal())}}, nil)
}

// Logout revokes the token that this client sends.
func (c *Client) Logout(ctx context.Context) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/v1/auth/token"}, nil)
}

// ExchangeAgentKey gets a token for an agent's key. A client made WithAgentKey
// does this by itself.
func (c *Client) ExchangeAgentKey(ctx context.Context, key Value) (*AgentToken, error) {
	out := new(AgentToken)
	return got(out, c.exchange(ctx, "/v1/auth/agent-token", key, out, &out.Token))
}

// ExchangeUserKey gets a token for a personal API key.
func (c *Client) ExchangeUserKey(ctx context.Context, key Value) (*Token, error) {
	out := new(Token)
	return got(out, c.exchange(ctx, "/v1/auth/api-key-token", key, out, out))
}

func (c *Client) exchange(ctx context.Context, path string, key Value, out any, tok *Token) error {
	err := c.call(ctx, request{method: http.MethodPost, path: path, public: true, repeatable: true,
		body: map[string]string{"api_key": string(key.Reveal())}}, out)
	if err == nil && tok.AccessToken.Len() == 0 {
		return badReply("The server answered the key without a token.")
	}
	return err
}

// Session returns the token in use of a client made WithAgentKey, with the agent's
// id and the vaults that it is bound to, getting one first where needed. It returns
// nil for a client with another credential.
func (c *Client) Session(ctx context.Context) (*AgentToken, error) {
	x, ok := c.auth.(*exchanger)
	if !ok {
		return nil, nil
	}
	return x.get(ctx)
}

// got returns out, or nil with the error.
func got[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}
