package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type signupRequest struct {
	Body struct {
		Email       string      `json:"email"`
		Password    secretValue `json:"password" doc:"At least 12 characters with upper and lower case, a digit and a symbol; no character three times in a row, no run such as abc or 123."`
		DisplayName *string     `json:"display_name,omitempty" nullable:"true"`
		SetupCode   *string     `json:"setup_code,omitempty" nullable:"true" doc:"That a server without users printed as it started: become its first owner."`
		InviteToken *string     `json:"invite_token,omitempty" nullable:"true" doc:"From the mail of an invitation: join the organisation that sent it, with a new account or the one that the address has."`
	}
}

// signupBody holds a token only when no mail has to be confirmed first.
type signupBody struct {
	AccessToken secretValue `json:"access_token,omitempty"`
	TokenType   string      `json:"token_type,omitempty" enum:"Bearer"`
	ExpiresIn   int64       `json:"expires_in,omitempty" doc:"In seconds."`
	Message     string      `json:"message"`
	Email       string      `json:"email"`

	token *TokenBody
}

func (s *signupBody) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	if s.token != nil {
		b = append(s.token.appendFields(b), ',')
	}
	b = appendQuoted(append(b, `"message":`...), s.Message)
	b = appendQuoted(append(b, `,"email":`...), s.Email)
	return append(b, '}')
}

type verifyRequest struct {
	Body struct {
		Token string `json:"token" doc:"From the mail."`
	}
}

type passwordRequest struct {
	Body struct {
		Current secretValue `json:"current_password"`
		New     secretValue `json:"new_password" doc:"The rules of signup apply."`
	}
}

type profileRequest struct {
	Body struct {
		DisplayName     *string `json:"display_name,omitempty" nullable:"true"`
		MarketingEmails *bool   `json:"marketing_emails,omitempty" nullable:"true"`
	}
}

type deleteMeRequest struct {
	Body struct {
		Confirmation *string `json:"confirmation,omitempty" nullable:"true" doc:"DELETE MY ACCOUNT"`
		Confirm      *string `json:"confirm,omitempty" nullable:"true" doc:"Another name of confirmation."`
	}
}

func (a *API) registerAccount() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/signup", id: "signup", tag: "Auth", limit: gate.AuthLimit,
		summary: "Make an account with an organisation of its own", errors: []int{http.StatusForbidden, http.StatusConflict}, action: policy.Signup,
	}, func(ctx context.Context, c *call.Call, in *signupRequest) (*body[*signupBody], error) {
		defer in.Body.Password.Wipe()
		email, password, name := in.Body.Email, in.Body.Password.Bytes, deref(in.Body.DisplayName)
		var j account.Joined
		var err error
		known := false // the address had an account, which joined
		token, code := deref(in.Body.InviteToken), deref(in.Body.SetupCode)
		switch {
		case code != "":
			var t identity.Token
			t, err = a.accounts.Setup(ctx, c, code, email, password, name)
			j = account.Joined{Email: t.Email, Token: &t}
		case token == "":
			j, err = a.accounts.Signup(ctx, c, email, password, name)
		default:
			var t identity.Token
			t, known, err = a.orgs.SignupInvited(ctx, c, email, password, name, token)
			j = account.Joined{Email: t.Email, Token: &t}
		}
		if err != nil {
			return nil, err
		}
		out := &signupBody{Email: j.Email, Message: "Follow the link in the mail that was sent to you, then log in."}
		if known {
			j.Token, out.Message = nil, "You joined with the account that you have. Log in as always."
		}
		if j.Token != nil {
			out.token, out.Message = tokenOf(*j.Token), "Welcome. You are logged in."
		}
		return &body[*signupBody]{out}, nil
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/verify-email", id: "verify-email", tag: "Auth", limit: gate.AuthLimit,
		summary: "Confirm a mail address with the token that was sent to it", action: policy.VerifyEmail,
	}, func(ctx context.Context, c *call.Call, in *verifyRequest) (*body[*loginBody], error) {
		t, err := a.accounts.VerifyEmail(ctx, c, in.Body.Token)
		return answer(loginOf(t), err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/change-password", id: "change-password", tag: "Auth", limit: gate.AuthLimit,
		summary: "Change your password; all your other tokens end", action: policy.ChangePassword, status: http.StatusNoContent,
	}, func(ctx context.Context, c *call.Call, in *passwordRequest) (*gone, error) {
		gate.WipeAfter(ctx, in.Body.Current.Bytes, in.Body.New.Bytes)
		err := a.accounts.ChangePassword(ctx, c, in.Body.Current.Bytes, in.Body.New.Bytes)
		ended := goneBy(c)
		return &ended, err
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/auth/me", id: "get-me", tag: "Auth",
		summary: "Your profile", action: policy.ReadUser,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[userBody], error) {
		u, err := a.accounts.Me(ctx, c)
		return answer(userOf(u), err)
	})
	handle(a, op{
		method: http.MethodPatch, path: "/v1/auth/me", id: "update-me", tag: "Auth",
		summary: "Change your profile", action: policy.UpdateUser, bodyOptional: true,
	}, func(ctx context.Context, c *call.Call, in *profileRequest) (*body[userBody], error) {
		u, err := a.accounts.UpdateMe(ctx, c, account.Profile{
			DisplayName: in.Body.DisplayName, MarketingEmails: in.Body.MarketingEmails,
		})
		return answer(userOf(u), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: "/v1/auth/me", id: "delete-me", tag: "Auth", limit: gate.AuthLimit,
		summary: "Delete your account, and the organisations that have no other member with all their secrets", action: policy.DeleteUser,
		errors: []int{http.StatusConflict}, status: http.StatusNoContent, bodyOptional: true,
	}, func(ctx context.Context, c *call.Call, in *deleteMeRequest) (*gone, error) {
		confirmation := in.Body.Confirmation
		if confirmation == nil {
			confirmation = in.Body.Confirm
		}
		err := a.accounts.DeleteMe(ctx, c, deref(confirmation))
		ended := goneBy(c)
		return &ended, err
	})
}
