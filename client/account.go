package client

import (
	"context"
	"net/http"
)

// MFASetup is what an authenticator is set up with. It is shown once.
type MFASetup struct {
	OTPAuthURI Value `json:"otpauth_uri"`
	Secret     Value `json:"secret"`
	QRCode     Value `json:"qr_code"` // a PNG in a data URI
}

// MFAEnabled reports whether logins of the logged-in human need a second factor.
func (c *Client) MFAEnabled(ctx context.Context) (bool, error) {
	var out struct {
		Enabled bool `json:"enabled"`
	}
	err := c.read(ctx, &out, "auth", "mfa", "status")
	return out.Enabled, err
}

// SetUpMFA makes the key of an authenticator. It counts once ConfirmMFA got a
// code of it.
func (c *Client) SetUpMFA(ctx context.Context) (*MFASetup, error) {
	out := new(MFASetup)
	return got(out, c.write(ctx, http.MethodPost, nil, out, "auth", "mfa", "setup"))
}

// ConfirmMFA turns the second factor on, and returns the recovery codes. All
// other login tokens end.
func (c *Client) ConfirmMFA(ctx context.Context, code string) ([]string, error) {
	var out struct {
		Codes []string `json:"recovery_codes"`
	}
	err := c.write(ctx, http.MethodPost, map[string]string{"code": code}, &out, "auth", "mfa", "verify-setup")
	return out.Codes, err
}

// DisableMFA turns the second factor off with a code, or a recovery code. All other
// login tokens end.
func (c *Client) DisableMFA(ctx context.Context, code string) error {
	return c.write(ctx, http.MethodDelete, map[string]string{"code": code}, nil, "auth", "mfa")
}

// ForgotPassword has a token for a new password mailed to the address, if it has
// an account: the answer does not tell.
func (c *Client) ForgotPassword(ctx context.Context, email string) (message string, err error) {
	var out struct {
		Message string `json:"message"`
	}
	err = c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/forgot-password", public: true,
		body: map[string]string{"email": email}}, &out)
	return out.Message, err
}

// ResetPassword sets a new password with the token from the mail.
func (c *Client) ResetPassword(ctx context.Context, token, password Value) error {
	return c.call(ctx, request{method: http.MethodPost, path: "/v1/auth/reset-password", public: true,
		body: map[string]string{"token": string(token.Reveal()), "new_password": string(password.Reveal())}}, nil)
}

// DeleteAccount deletes the account of the logged-in human for good. The
// confirmation is DELETE MY ACCOUNT. It takes a login: no key may.
func (c *Client) DeleteAccount(ctx context.Context, confirmation string) error {
	return c.write(ctx, http.MethodDelete, map[string]string{"confirmation": confirmation}, nil, "auth", "me")
}
