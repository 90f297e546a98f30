package mint

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// maxAnswer bounds what is read of an authorization server.
const maxAnswer = 64 << 10

// shortest is the size of the shortest token: a shorter one could not be told from other text in answers.
const shortest = 8

// answer is what an authorization server gave.
type answer struct {
	Minted
	replaces bool // its refresh token is in place of the one that was sent
	good     time.Duration
}

// ask asks for a token once. The errors of a client have the address in
// them, and those of a server may have anything: neither is told.
func (m *Mint) ask(ctx context.Context, from From, g *Grant) (answer, error) {
	out, err := request(ctx, from, g)
	if err != nil {
		return answer{}, ErrNone
	}
	res, err := m.http.Do(out)
	if refused, ok := errors.AsType[*fault.Error](err); ok {
		return answer{}, refused // by the guard of the network
	}
	if err != nil {
		return answer{}, ErrNone
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	defer clear(body)
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || res.StatusCode != http.StatusOK || len(body) > maxAnswer || kind != "application/json" {
		return answer{}, ErrNone
	}
	return read(body, g)
}

// request is section 4.4.2 or 6 of RFC 6749, with the client's credentials as in section 2.3.1.
func request(ctx context.Context, from From, g *Grant) (*http.Request, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if g.RefreshToken.Len() > 0 {
		form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {string(g.RefreshToken.Reveal())}}
	}
	if from.Scope != "" {
		form.Set("scope", from.Scope)
	}
	basic := g.ClientSecret.Len() > 0 && !from.Body
	if !basic {
		form.Set("client_id", g.ClientID)
		if g.ClientSecret.Len() > 0 {
			form.Set("client_secret", string(g.ClientSecret.Reveal()))
		}
	}
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, from.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out.Header.Set("Accept", "application/json")
	out.Header.Set("Accept-Encoding", "identity")
	out.Header.Set("User-Agent", "oneclaw")
	if basic {
		pair := url.QueryEscape(g.ClientID) + ":" + url.QueryEscape(string(g.ClientSecret.Reveal()))
		out.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return out, nil
}

// read reads the answer of section 5.1.
func read(body []byte, g *Grant) (answer, error) {
	var in struct {
		Token   string         `json:"access_token"`
		Type    string         `json:"token_type"`
		Refresh string         `json:"refresh_token"`
		Expires jsontext.Value `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Token) < shortest || !text(in.Token) || strings.ContainsAny(in.Token, " \"") ||
		in.Type != "" && !strings.EqualFold(in.Type, "bearer") {
		return answer{}, ErrNone
	}
	out := answer{Minted: Minted{Token: secret.FromString(in.Token)}, good: kept(string(in.Expires))}
	if in.Refresh == "" {
		return out, nil
	}
	out.replaces = g.RefreshToken.Len() > 0 && in.Refresh != string(g.RefreshToken.Reveal())
	if out.replaces && !text(in.Refresh) {
		out.good = longest
		return out, ErrRotated
	}
	out.Refresh = secret.FromString(in.Refresh)
	return out, nil
}

// kept is how long a token is kept of which its server says that it is good for so many seconds, as a
// number or a text.
func kept(seconds string) time.Duration {
	seconds = strings.Trim(seconds, `"`)
	if seconds == "" || seconds == "null" {
		return unsaid
	}
	n, err := strconv.ParseFloat(seconds, 64)
	if err != nil || n <= 0 || n != n {
		return 0
	}
	good := time.Duration(min(n, longest.Seconds()) * float64(time.Second))
	return good - min(early, good/10)
}
