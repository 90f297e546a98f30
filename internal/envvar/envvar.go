package envvar

import (
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Service is the variables of all vaults.
type Service struct{ vault *vault.Service }

// New returns a Service.
func New(v *vault.Service) *Service { return &Service{v} }

// Var is a variable without its value.
type Var struct {
	Place
	Note
	ID        string // of its newest version
	Version   uint64
	CreatedAt time.Time // of that version
}

// Note is what is kept beside a value, in the secret's metadata, which is not encrypted.
type Note struct {
	Comment string `json:"comment,omitempty"`
	// Sensitive is a word to those who show variables. It gives no right and takes none.
	Sensitive bool `json:"sensitive,omitempty"`
}

const (
	maxEnvironments = 20
	maxComment      = 500
	// MaxResolved is how many variables one answer may have.
	MaxResolved = 500
)

var (
	errNone         = fault.New(fault.NotFound, "env_var_not_found", "There is no such variable that you may see.")
	errEnvironments = fault.New(fault.Invalid, "invalid_environments", "environments has at most 20 names.")
	errComment      = fault.New(fault.Invalid, "invalid_comment", "comment has at most 500 bytes, and no control characters.")
	errManyVars     = fault.New(fault.Invalid, "too_many_env_vars", "More than 500 variables hold there: use several vaults.")
)

// Draft is a variable as it is set.
type Draft struct {
	Key, Branch  string
	Environments []string // none: All
	Note
	Value secret.Bytes
}

// Set stores a value in each of the environments, one after the other, each with its own
// event and on the right to write its path. Where one is refused, those before it stay.
func (s *Service) Set(ctx context.Context, c *call.Call, vaultID string, d Draft) (Var, error) {
	if len(d.Environments) == 0 {
		d.Environments = []string{All}
	}
	if len(d.Environments) > maxEnvironments {
		return Var{}, errEnvironments
	}
	for _, e := range d.Environments { // all are looked at before the first is written
		if _, err := (Place{d.Key, e, d.Branch}).Path(); err != nil {
			return Var{}, err
		}
	}
	var out Var
	err := each(c, d.Environments, func(c *call.Call, e string) (err error) {
		out, err = s.put(ctx, c, vaultID, Place{d.Key, e, d.Branch}, d.Note, d.Value)
		return err
	})
	return out, err
}

func (s *Service) put(ctx context.Context, c *call.Call, vaultID string, at Place, n Note, value secret.Bytes) (Var, error) {
	p, err := at.Path()
	if err != nil {
		return Var{}, err
	}
	if len(n.Comment) > maxComment || strings.ContainsFunc(n.Comment, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Var{}, errComment
	}
	metadata, err := json.Marshal(n)
	if err != nil {
		return Var{}, errComment
	}
	m, err := s.vault.Put(ctx, c, vaultID, p, vault.Draft{Value: value, Type: "env", Metadata: metadata})
	if err != nil {
		return Var{}, err
	}
	v, _ := varOf(&m)
	return v, nil
}

// List returns the variables that the caller may see, in order of their paths: at most
// limit, and where to go on, empty at the end.
func (s *Service) List(ctx context.Context, c *call.Call, vaultID, after string, limit int) (out []Var, next string, err error) {
	l, err := s.vault.List(ctx, c, vaultID, root, after, limit)
	if err != nil {
		return nil, "", err
	}
	err = collect(ctx, l, func(m *vault.Meta) bool {
		if v, ok := varOf(m); ok {
			out = append(out, v)
		}
		return true
	})
	return out, l.Cursor(), err
}

// Get returns one variable with its value. Wipe it.
func (s *Service) Get(ctx context.Context, c *call.Call, vaultID string, at Place) (Var, secret.Bytes, error) {
	p, err := at.Path()
	if err != nil {
		return Var{}, secret.Bytes{}, err
	}
	got, err := s.vault.Reveal(ctx, c, vaultID, p)
	if err != nil {
		return Var{}, secret.Bytes{}, err
	}
	v, _ := varOf(&got.Meta)
	return v, got.Value, nil
}

// Change is what is changed with a new value.
type Change struct {
	Value     secret.Bytes
	Comment   patch.Field[string]
	Sensitive patch.Field[bool]
}

// Update stores a new value of a variable that is there, and keeps its note where that is
// not changed.
func (s *Service) Update(ctx context.Context, c *call.Call, vaultID string, at Place, d Change) (Var, error) {
	p, err := at.Path()
	if err != nil {
		return Var{}, err
	}
	l, err := s.vault.List(ctx, c, vaultID, p.String(), "", 1)
	if err != nil {
		return Var{}, err
	}
	var was Var
	if err := collect(ctx, l, func(m *vault.Meta) bool {
		if m.Path == p.String() {
			was, _ = varOf(m)
		}
		return true
	}); err != nil {
		return Var{}, err
	}
	if was.Key == "" {
		return Var{}, errNone
	}
	d.Comment.Clear(&was.Comment)
	d.Sensitive.Clear(&was.Sensitive)
	return s.put(ctx, c, vaultID, at, was.Note, d.Value)
}

// Delete deletes a variable as secrets are deleted: its versions stay, and it can be
// restored at its path.
func (s *Service) Delete(ctx context.Context, c *call.Call, vaultID string, at Place) error {
	p, err := at.Path()
	if err != nil {
		return err
	}
	return s.vault.Delete(ctx, c, vaultID, p)
}

// collect feeds a listing to more until that returns false.
func collect(ctx context.Context, l *vault.Listing, more func(*vault.Meta) bool) error {
	for {
		page, err := l.Page(ctx)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, m := range page {
			if !more(m) {
				return nil
			}
		}
	}
}

// varOf is false for a secret that was stored below env-vars/ and is no variable.
func varOf(m *vault.Meta) (Var, bool) {
	at, ok := placeOf(m.Path)
	v := Var{Place: at, ID: m.ID, Version: m.Version, CreatedAt: m.CreatedAt}
	if json.Unmarshal(m.Metadata, &v.Note) != nil {
		v.Note = Note{} // of who stored it as a secret
	}
	return v, ok
}

// each runs do for every item. All but the last have events of their own; the last has
// the call's, so that one item leaves one event.
func each[T any](c *call.Call, items []T, do func(*call.Call, T) error) error {
	for i, item := range items {
		if i == len(items)-1 {
			return do(c, item)
		}
		own, ev := *c, *c.Event
		ev.ID = ids.New()
		own.Event = &ev
		if err := do(&own, item); err != nil {
			*c.Event = ev // the refusal is the request's
			return err
		}
	}
	return nil
}
