package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"
)

// EnvVar is an environment variable of a vault, without its value. Environments has one
// name, or "all".
type EnvVar struct {
	ID           string    `json:"id"`
	Key          string    `json:"key"`
	Environments []string  `json:"environments"`
	GitBranch    string    `json:"git_branch,omitempty"`
	Sensitive    bool      `json:"sensitive"`
	Comment      string    `json:"comment,omitempty"`
	Version      int64     `json:"version"`
	CreatedAt    time.Time `json:"created_at"`
}

// EnvVarValue is one with its value.
type EnvVarValue struct {
	EnvVar
	Value Value `json:"value"`
}

// EnvVarPlace is where a variable holds. An empty Environment is "all".
type EnvVarPlace struct{ Environment, GitBranch string }

func (p EnvVarPlace) query() url.Values {
	q := url.Values{}
	if p.Environment != "" {
		q.Set("environment", p.Environment)
	}
	if p.GitBranch != "" {
		q.Set("git_branch", p.GitBranch)
	}
	return q
}

// EnvVarSet is a variable to set in each of the environments. Without any, it is set in "all".
type EnvVarSet struct {
	Key          string   `json:"key"`
	Environments []string `json:"environments,omitempty"`
	GitBranch    string   `json:"git_branch,omitempty"`
	Sensitive    bool     `json:"sensitive,omitempty"`
	Comment      string   `json:"comment,omitempty"`
}

// ResolvedEnv is the variables that hold. Sources says by key where each comes from:
// "branch", "environment" or "all".
type ResolvedEnv struct {
	Vars        map[string]Value  `json:"vars"`
	Sources     map[string]string `json:"sources"`
	Environment string            `json:"environment"`
	GitBranch   string            `json:"git_branch"`
	ResolvedAt  time.Time         `json:"resolved_at"`
}

// SetEnvVar sets a variable, or stores a new version of it. The value must be UTF-8.
func (c *Client) SetEnvVar(ctx context.Context, vault string, v EnvVarSet, value Value) (*EnvVar, error) {
	p, err := route("vaults", vault, "env-vars")
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(value.Reveal()) {
		return nil, refuse(CodeInvalidValue, "The value is not UTF-8 text; encode it first, with base64 for example.")
	}
	rest, err := encode(v)
	if err != nil {
		return nil, err
	}
	body := &payload{text: withValue(rest, value)}
	defer body.wipe()
	out := new(EnvVar)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: body}, out))
}

// EnvVars lists the variables of a vault that the caller may see.
func (c *Client) EnvVars(ctx context.Context, vault string) ([]EnvVar, error) {
	p, err := route("vaults", vault, "env-vars")
	if err != nil {
		return nil, err
	}
	var all []EnvVar
	for cursor := ""; ; {
		var page struct {
			EnvVars []EnvVar `json:"env_vars"`
			Next    string   `json:"next_cursor"`
		}
		q := url.Values{}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		if err := c.call(ctx, request{method: http.MethodGet, path: p, query: q, repeatable: true}, &page); err != nil {
			return nil, err
		}
		all = append(all, page.EnvVars...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// GetEnvVar reads one variable with its value.
func (c *Client) GetEnvVar(ctx context.Context, vault, key string, at EnvVarPlace) (*EnvVarValue, error) {
	p, err := route("vaults", vault, "env-vars", key)
	if err != nil {
		return nil, err
	}
	out := new(EnvVarValue)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: at.query(), repeatable: true}, out))
}

// DeleteEnvVar deletes one variable; its versions stay.
func (c *Client) DeleteEnvVar(ctx context.Context, vault, key string, at EnvVarPlace) error {
	p, err := route("vaults", vault, "env-vars", key)
	if err != nil {
		return err
	}
	return c.call(ctx, request{method: http.MethodDelete, path: p, query: at.query(), repeatable: true}, nil)
}

// ResolveEnvVars reads the variables that hold in an environment and on a branch. Wipe
// the values.
func (c *Client) ResolveEnvVars(ctx context.Context, vault string, at EnvVarPlace) (*ResolvedEnv, error) {
	p, err := route("vaults", vault, "env-vars", "resolve")
	if err != nil {
		return nil, err
	}
	out := new(ResolvedEnv)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: at.query(), repeatable: true}, out))
}
