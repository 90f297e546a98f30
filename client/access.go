package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Verdict says whether one use is allowed, and what decides it. Reason is "policy:" and an id,
// "creator", or why not, such as "no_policy" or "approval_required".
type Verdict struct {
	Allowed  bool   `json:"allowed"`
	Reason   string `json:"reason"`
	PolicyID string `json:"policy_id,omitempty"` // that allows it, or asks for an approval
}

// Bearer is somebody with what it may do with a path.
type Bearer struct {
	PrincipalType string  `json:"principal_type"`
	PrincipalID   string  `json:"principal_id"`
	Name          string  `json:"name,omitempty"` // an agent's name, a member's mail address
	Read          Verdict `json:"read"`
	Use           Verdict `json:"use"`
	Write         Verdict `json:"write"`
	Delete        Verdict `json:"delete"`
}

// Lent is a share that may be read now, or could be. ShareID revokes it, and opens no link.
type Lent struct {
	ShareID        string    `json:"share_id"`
	VaultID        string    `json:"vault_id"`
	Path           string    `json:"path"`
	RecipientType  string    `json:"recipient_type"`
	RecipientID    string    `json:"recipient_id,omitempty"`
	RecipientEmail string    `json:"recipient_email,omitempty"`
	Name           string    `json:"name,omitempty"` // the recipient's
	MakerType      string    `json:"maker_type"`
	MakerID        string    `json:"maker_id"`
	Status         string    `json:"status"` // active, pending or accepted
	Readable       bool      `json:"readable"`
	ExpiresAt      time.Time `json:"expires_at"`
	ReadsLeft      *int64    `json:"reads_left,omitempty"` // nil: as many as one likes
}

// WhoCan is who may use a path: by policies, and through shares.
type WhoCan struct {
	Principals []Bearer `json:"principals"`
	Shares     []Lent   `json:"shares"`
}

// PathAccess is what an agent may do with a path.
type PathAccess struct {
	Path   string  `json:"path"`
	Read   Verdict `json:"read"`
	Use    Verdict `json:"use"`
	Write  Verdict `json:"write"`
	Delete Verdict `json:"delete"`
}

// VaultAccess is what an agent may do in a vault. Truncated says that there is more.
type VaultAccess struct {
	VaultID   string       `json:"vault_id"`
	VaultName string       `json:"vault_name"`
	Policies  []Policy     `json:"policies"` // that name it
	Secrets   []PathAccess `json:"secrets"`
	Truncated bool         `json:"truncated"`
}

// AgentAccess is what an agent may do.
type AgentAccess struct {
	AgentID  string        `json:"agent_id"`
	Name     string        `json:"name"`
	IsActive bool          `json:"is_active"`
	Vaults   []VaultAccess `json:"vaults"`
	Shares   []Lent        `json:"shares"` // with it
}

// AccessQuery narrows a question: to a vault, to a path, and to an address that the uses
// come from. Without an address, policies with an allow-list of addresses are not met.
type AccessQuery struct{ VaultID, Path, IP string }

func (q AccessQuery) values() url.Values {
	v := url.Values{}
	for name, text := range map[string]string{"vault_id": q.VaultID, "path": q.Path, "ip": q.IP} {
		if text != "" {
			v.Set(name, text)
		}
	}
	return v
}

// AgentAccess says what an agent may read, write or delete, and why.
func (c *Client) AgentAccess(ctx context.Context, id string, q AccessQuery) (*AgentAccess, error) {
	p, err := route("agents", id, "access")
	if err != nil {
		return nil, err
	}
	out := new(AgentAccess)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: q.values(), repeatable: true}, out))
}

// WhoCan says who may read, write or delete what is at a path, and why; from an address, if
// one is given.
func (c *Client) WhoCan(ctx context.Context, vault, path, ip string) (*WhoCan, error) {
	p, err := under(path, "vaults", vault, "who-can")
	if err != nil {
		return nil, err
	}
	out := new(WhoCan)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: AccessQuery{IP: ip}.values(), repeatable: true}, out))
}
