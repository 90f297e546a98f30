package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/envvar"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// EnvVarBody is a variable without its value.
type EnvVarBody struct {
	ID           string    `json:"id" format:"uuid" doc:"Of its newest version."`
	Key          string    `json:"key"`
	Environments []string  `json:"environments" doc:"Where it holds: one name, or all."`
	GitBranch    *string   `json:"git_branch" nullable:"true"`
	Sensitive    bool      `json:"sensitive" doc:"A word to those who show variables. It gives no right and takes none."`
	Comment      *string   `json:"comment" nullable:"true"`
	Version      uint64    `json:"version"`
	CreatedAt    time.Time `json:"created_at" doc:"Of its newest version."`
}

func envVarOf(v envvar.Var) EnvVarBody {
	return EnvVarBody{
		ID: v.ID, Key: v.Key, Environments: []string{v.Environment}, GitBranch: present(v.Branch), Sensitive: v.Sensitive,
		Comment: present(v.Comment), Version: v.Version, CreatedAt: v.CreatedAt,
	}
}

// envVarValue is a variable with its value.
type envVarValue struct {
	EnvVarBody
	Value secretValue `json:"value"`
}

// AppendJSON appends the variable and wipes its value: it is sent once.
func (v *envVarValue) AppendJSON(b []byte) []byte {
	b = appendQuoted(append(b, `{"id":`...), v.ID)
	b = appendQuoted(append(b, `,"key":`...), v.Key)
	b = append(appendQuoted(append(b, `,"environments":[`...), v.Environments[0]), ']')
	b = appendOptional(append(b, `,"git_branch":`...), v.GitBranch)
	b = strconv.AppendBool(append(b, `,"sensitive":`...), v.Sensitive)
	b = appendOptional(append(b, `,"comment":`...), v.Comment)
	b = strconv.AppendUint(append(b, `,"version":`...), v.Version, 10)
	b = append(v.CreatedAt.AppendFormat(append(b, `,"created_at":"`...), time.RFC3339Nano), '"')
	b = appendQuoted(append(b, `,"value":`...), v.Value.Reveal())
	v.Value.Wipe()
	return append(b, '}')
}

func appendOptional(b []byte, s *string) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	return appendQuoted(b, *s)
}

type setEnvVar struct {
	vaultPath
	Body struct {
		Key          string   `json:"key" maxLength:"128"`
		Value        string   `json:"value"`
		Environments []string `json:"environments,omitempty" maxItems:"20" doc:"Where it holds, such as production; absent or empty: all."`
		GitBranch    *string  `json:"git_branch,omitempty" nullable:"true" maxLength:"100"`
		Sensitive    *bool    `json:"sensitive,omitempty" nullable:"true"`
		Comment      *string  `json:"comment,omitempty" nullable:"true" maxLength:"500" doc:"Not encrypted: put no secret here."`
	}
}

type listEnvVars struct {
	vaultPath
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
	Cursor string `query:"cursor" maxLength:"1024" doc:"next_cursor of the page before."`
}

type envVarList struct {
	EnvVars    []EnvVarBody `json:"env_vars"`
	NextCursor *string      `json:"next_cursor,omitempty" doc:"Where to go on; absent at the end."`
}

type envVarPath struct {
	vaultPath
	Key         string `path:"env_key"`
	Environment string `query:"environment" maxLength:"63" doc:"Absent: all, the one that holds in every environment."`
	GitBranch   string `query:"git_branch" maxLength:"100"`
}

func (p *envVarPath) place() envvar.Place {
	return envvar.Place{Key: p.Key, Environment: p.Environment, Branch: p.GitBranch}
}

type updateEnvVar struct {
	envVarPath
	Body struct {
		Value     *string      `json:"value,omitempty" nullable:"true" doc:"The new value. It is needed: values are not read to be written again."`
		Sensitive sent[bool]   `json:"sensitive,omitzero"`
		Comment   sent[string] `json:"comment,omitzero" maxLength:"500"`
	}
}

var errNoValue = fault.New(fault.Invalid, "value_required", "value is needed: a value is not read to be written again.")

func (a *API) registerEnvVars() {
	const all, one = "/v1/vaults/{vault_id}/env-vars", "/v1/vaults/{vault_id}/env-vars/{env_key}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "set-env-var", tag: "Environment variables", status: http.StatusCreated,
		summary: "Set an environment variable, in one environment or more", action: policy.WriteSecret, errors: []int{http.StatusRequestEntityTooLarge},
	}, func(ctx context.Context, c *call.Call, in *setEnvVar) (*body[EnvVarBody], error) {
		value := secret.FromString(in.Body.Value)
		defer value.Wipe()
		v, err := a.envVars.Set(ctx, c, in.VaultID, envvar.Draft{
			Key: in.Body.Key, Branch: deref(in.Body.GitBranch), Environments: in.Body.Environments, Value: value,
			Note: envvar.Note{Comment: deref(in.Body.Comment), Sensitive: deref(in.Body.Sensitive)},
		})
		out := envVarOf(v)
		if len(in.Body.Environments) > 0 {
			out.Environments = in.Body.Environments
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-env-vars", tag: "Environment variables",
		summary: "List the environment variables that you may see, without values", action: policy.ListSecrets,
	}, func(ctx context.Context, c *call.Call, in *listEnvVars) (*body[envVarList], error) {
		after, err := parseCursor(in.Cursor)
		if err != nil {
			return nil, err
		}
		vars, next, err := a.envVars.List(ctx, c, in.VaultID, after, in.Limit)
		out := envVarList{EnvVars: []EnvVarBody{}, NextCursor: cursorOf(next)}
		for _, v := range vars {
			out.EnvVars = append(out.EnvVars, envVarOf(v))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-env-var", tag: "Environment variables",
		summary: "Read an environment variable with its value", action: policy.ReadSecret, errors: []int{http.StatusGone},
	}, func(ctx context.Context, c *call.Call, in *envVarPath) (*body[*envVarValue], error) {
		v, value, err := a.envVars.Get(ctx, c, in.VaultID, in.place())
		return answer(&envVarValue{envVarOf(v), secretValue{value}}, err)
	})
	handle(a, op{
		method: http.MethodPatch, path: one, id: "update-env-var", tag: "Environment variables",
		summary: "Store a new value of an environment variable", action: policy.WriteSecret, errors: []int{http.StatusRequestEntityTooLarge},
	}, func(ctx context.Context, c *call.Call, in *updateEnvVar) (*body[EnvVarBody], error) {
		if in.Body.Value == nil {
			return nil, errNoValue
		}
		value := secret.FromString(*in.Body.Value)
		defer value.Wipe()
		v, err := a.envVars.Update(ctx, c, in.VaultID, in.place(), envvar.Change{
			Value: value, Comment: in.Body.Comment.Field, Sensitive: in.Body.Sensitive.Field,
		})
		return answer(envVarOf(v), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "delete-env-var", tag: "Environment variables",
		summary: "Delete an environment variable; its versions stay", action: policy.DeleteSecret,
	}, func(ctx context.Context, c *call.Call, in *envVarPath) (*empty, error) {
		return &empty{}, a.envVars.Delete(ctx, c, in.VaultID, in.place())
	})
	a.registerResolve()
}

// readsAsOne is how many values, which are events of the log, cost as much of the limits
// as one request.
const readsAsOne = 10

type resolveEnvVars struct {
	vaultPath
	Environment string `query:"environment" maxLength:"63" doc:"Such as production; absent: only what holds in all."`
	GitBranch   string `query:"git_branch" maxLength:"100"`
}

// resolvedVars is the values that hold.
type resolvedVars struct {
	Vars        map[string]string `json:"vars"`
	Sources     map[string]string `json:"sources" doc:"By key: branch, environment or all."`
	Environment string            `json:"environment"`
	GitBranch   *string           `json:"git_branch,omitempty"`
	ResolvedAt  time.Time         `json:"resolved_at"`

	found []envvar.Resolved
}

// AppendJSON appends the values and wipes them: they are sent once.
func (r *resolvedVars) AppendJSON(b []byte) []byte {
	b = append(b, `{"vars":{`...)
	for i := range r.found {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(append(appendQuoted(b, r.found[i].Key), ':'), r.found[i].Value.Reveal())
	}
	envvar.Wipe(r.found)
	b = append(b, `},"sources":{`...)
	for i := range r.found {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(append(appendQuoted(b, r.found[i].Key), ':'), r.found[i].Source)
	}
	b = appendQuoted(append(b, `},"environment":`...), r.Environment)
	if r.GitBranch != nil {
		b = appendQuoted(append(b, `,"git_branch":`...), *r.GitBranch)
	}
	b = append(b, `,"resolved_at":"`...)
	return append(r.ResolvedAt.UTC().AppendFormat(b, time.RFC3339Nano), '"', '}')
}

// Length implements rest.Lengthy.
func (r *resolvedVars) Length() int {
	n := 0
	for i := range r.found {
		n += 2*len(r.found[i].Key) + 64 + max(secretValue{r.found[i].Value}.Length(), 2*r.found[i].Value.Len())
	}
	return n
}

func (a *API) registerResolve() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/vaults/{vault_id}/env-vars/resolve", id: "resolve-env-vars", tag: "Environment variables",
		summary: "Read the environment variables that hold in an environment and on a branch", action: policy.ReadSecret, errors: []int{http.StatusGone},
	}, func(ctx context.Context, c *call.Call, in *resolveEnvVars) (*body[*resolvedVars], error) {
		environment := cmp.Or(in.Environment, envvar.All)
		found, err := a.envVars.Resolve(ctx, c, in.VaultID, environment, in.GitBranch, func(values int) error { return gate.Of(ctx).Again(values / readsAsOne) })
		if err != nil {
			return nil, err
		}
		return &body[*resolvedVars]{&resolvedVars{Environment: environment, GitBranch: present(in.GitBranch), ResolvedAt: c.Now, found: found}}, nil
	})
}

// cursorOf is what parseCursor reads; nil at the end.
func cursorOf(path string) *string {
	if path == "" {
		return nil
	}
	return present(base64.RawURLEncoding.EncodeToString([]byte(path)))
}
