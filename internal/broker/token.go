package broker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

const oauth2 = "oauth2"

// mint gets the access token of each use whose binding is oauth2. A request that waited for one is
// decided again: its right may have ended meanwhile.
func (p *Prepared) mint(ctx context.Context, c *call.Call) error {
	d, waited := p.draft, false
	p.keys = make([]mint.Key, len(p.uses))
	for i := range p.uses {
		u := &p.uses[i]
		if u.binding.In.Kind() != oauth2 {
			continue
		}
		b, err := json.Marshal(u.binding)
		if err != nil {
			return err
		}
		key := mint.Key{Org: c.Who.Org, Vault: u.at.Vault, Path: u.at.Path.String(), Version: u.version, Binding: string(b)}
		keep, err := p.keeping(ctx, c, i)
		if err != nil {
			return err
		}
		t, err := p.s.minted(ctx, key, u.binding, p.values[i], d.slots[i].ref.Path.String(), keep)
		if err != nil {
			return err
		}
		if d.tokens == nil {
			d.tokens = map[int]secret.Bytes{}
		}
		d.tokens[i], p.keys[i], waited = t.value, t.key, waited || t.waited
		p.granted = append(p.granted, t.granted...)
	}
	if !waited {
		return nil
	}
	err := p.s.stands(ctx, c, p)
	if errors.Is(err, errEnded) {
		err = errUnsent
	}
	return err
}

// keeping is how a refresh token of a use is kept; nil: it is not, since it is a part of a part of the secret.
func (p *Prepared) keeping(ctx context.Context, c *call.Call, i int) (*Keeping, error) {
	u := &p.uses[i]
	if p.draft.slots[i].ref.Field != "" {
		return nil, nil
	}
	setters, err := p.s.cfg.Store.BindingSetters(ctx, &u.bound)
	if err != nil {
		return nil, err
	}
	for at := range u.bound.List {
		if &u.bound.List[at] == u.binding && at < len(setters) {
			return &Keeping{
				Rests: Rests{Binding: u.bound.ID, Entry: u.binding, SetBy: setters[at]}, May: p.s.setterMay(c.Who.Org, setters[at], u.at.Vault, u.at.Path),
			}, nil
		}
	}
	return nil, nil
}

// Keeping is how a refresh token is kept that its server replaces: by which binding, and whether who set that may.
type Keeping struct {
	Rests Rests
	May   func(ctx context.Context) error
}

// mintedToken is an access token with what no answer may show of its grant.
type mintedToken struct {
	key     mint.Key
	value   secret.Bytes
	granted []known.Value
	waited  bool // the right to it may have ended meanwhile
}

func (t *mintedToken) wipe() {
	t.value.Wipe()
	for _, v := range t.granted {
		v.Value.Wipe()
	}
}

// minted is the token of a key: that of another version, or by a binding that says anything else, is another.
func (s *Service) minted(ctx context.Context, key mint.Key, b *binding.Binding, value secret.Bytes, label string, keep *Keeping) (t mintedToken, err error) {
	g, ok := mint.ReadGrant(plain(value))
	if !ok {
		return t, errValue
	}
	defer g.Wipe()
	t.key = key
	var k mint.Keeper
	if keep != nil && g.RefreshToken.Len() > 0 {
		if t.key.Version, err = s.cfg.Store.RefreshRoot(ctx, key.Vault, key.Path, key.Version); err != nil {
			return t, err
		}
		of := Refresh{Org: key.Org, Vault: key.Vault, Path: key.Path, Version: key.Version, Holder: ids.New(), Rests: keep.Rests}
		k = &keeper{s: s, of: of, was: secret.New(bytes.Clone(value.Reveal())), may: keep.May}
	}
	got, waited, err := s.tokens.Token(ctx, t.key, mint.From{URL: b.TokenURL, Scope: b.Scope, Body: b.TokenAuth == "body"}, &g, k)
	if e, ok := asFault(err); ok && e.Code == "address_refused" {
		return t, errRefused
	}
	if err != nil {
		return t, err
	}
	t.value, t.waited = got.Token, waited
	for _, v := range []secret.Bytes{g.ClientSecret, g.RefreshToken} {
		t.granted = append(t.granted, known.Value{Label: label, Value: secret.FromString(string(v.Reveal()))})
	}
	t.granted = append(t.granted, known.Value{Label: label, Value: got.Refresh}) // of the secret's next version: this request has the one before
	return t, nil
}

// token writes an access token where the reference was.
func (f *filled) token(s *slot, token secret.Bytes) error {
	if token.Len() == 0 {
		return errValue
	}
	f.hidden = append(f.hidden, known.Value{Label: s.ref.Path.String(), Value: token})
	return f.set("Authorization", cmp.Or(s.before, "Bearer "), token.Reveal(), "")
}

// answered forgets the tokens of a request that the host did not let in. It is not sent again: the
// next one has another token.
func (p *Prepared) answered(status int) {
	if status != http.StatusUnauthorized {
		return
	}
	for i, token := range p.draft.tokens {
		p.s.tokens.Drop(p.keys[i], token)
	}
}

// tokenHost is where the secret of a binding goes besides its hosts.
func tokenHost(b *binding.Binding) string {
	if b.In.Kind() != oauth2 {
		return ""
	}
	t, _, err := binding.ParseTarget(http.MethodPost, b.TokenURL)
	if err != nil {
		return ""
	}
	return t.Host.String()
}
