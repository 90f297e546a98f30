package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
)

// EventJSON encodes an event as the audit log's routes answer with it to who manages the
// organisation.
func EventJSON(r *audit.Row, actorName string) (json.RawMessage, error) {
	b := eventOf(r)
	b.ActorName = actorName
	return rest.Marshal(b)
}

// LastCall is how the latest call of a webhook went.
type LastCall struct {
	LastStatus      *int       `json:"last_status" nullable:"true" doc:"The HTTP status of the latest answer; null when none came."`
	LastError       *string    `json:"last_error" nullable:"true" enum:"address_refused,connection_failed,tls_failed,timeout,status,secret_lost,server_error" doc:"Why the latest call was not taken; null when it was."`
	LastCalledAt    *time.Time `json:"last_called_at" nullable:"true"`
	LastDeliveredAt *time.Time `json:"last_delivered_at" nullable:"true" doc:"When a call was last answered with 2xx."`
}

func lastCallOf(l signedcall.Last) LastCall {
	return LastCall{
		LastStatus: present(l.Status), LastError: present(string(l.Error)), LastCalledAt: pointer(l.CalledAt), LastDeliveredAt: pointer(l.DeliveredAt),
	}
}

// hookBody is a webhook without its secret.
type hookBody struct {
	ID          string    `json:"id" format:"uuid"`
	URL         string    `json:"url"`
	Events      []string  `json:"events"`
	Description *string   `json:"description" nullable:"true"`
	IsActive    bool      `json:"is_active"`
	CreatedBy   string    `json:"created_by" format:"uuid"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Status      string    `json:"status" enum:"active,failing,paused,inactive" doc:"failing: the latest calls were not taken, and are made again. paused: no call was taken for a day, or the database was restored, and none is made until is_active is set again."`
	LastCall
	FailingSince *time.Time `json:"failing_since" nullable:"true"`
	PausedAt     *time.Time `json:"paused_at" nullable:"true"`
	PausedFor    *string    `json:"paused_for" nullable:"true" enum:"failing,restored" doc:"failing: for a day. restored: the database was put back from a backup, and the original may call the same address. Null unless paused."`
	Skipped      uint64     `json:"skipped" doc:"Events that were left out since the last delivery, since more than 1000 waited."`
}

func hookOf(h *webhook.Hook) hookBody {
	b := hookBody{
		ID: h.ID, URL: h.URL, Events: h.Events, Description: present(h.Description), IsActive: h.Active, CreatedBy: h.CreatedBy,
		CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt, Status: "active", LastCall: lastCallOf(h.Last),
		FailingSince: pointer(h.FailingSince), PausedAt: pointer(h.PausedAt), Skipped: h.Skipped,
	}
	switch {
	case !h.Active:
		b.Status = "inactive"
	case !h.PausedAt.IsZero():
		b.Status = "paused"
		if b.PausedFor = present("failing"); h.Restored() {
			b.PausedFor = present("restored")
		}
	case !h.FailingSince.IsZero():
		b.Status = "failing"
	}
	return b
}

// newHook is a webhook with the secret.
type newHook struct {
	ID          string      `json:"id" format:"uuid"`
	URL         string      `json:"url"`
	Secret      secretValue `json:"secret" doc:"What calls are signed with. It is shown this once."`
	Events      []string    `json:"events"`
	Description *string     `json:"description" nullable:"true"`
	IsActive    bool        `json:"is_active"`
	CreatedBy   string      `json:"created_by" format:"uuid"`
	CreatedAt   time.Time   `json:"created_at"`
}

// AppendJSON encodes it into a buffer that is wiped.
func (h *newHook) AppendJSON(b []byte) []byte {
	b = appendQuoted(append(b, `{"id":`...), h.ID)
	b = appendQuoted(append(b, `,"url":`...), h.URL)
	b = appendQuoted(append(b, `,"secret":`...), h.Secret.Reveal())
	h.Secret.Wipe()
	b = append(b, `,"events":[`...)
	for i, e := range h.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, e)
	}
	b = append(b, `],"description":`...)
	if h.Description == nil {
		b = append(b, "null"...)
	} else {
		b = appendQuoted(b, *h.Description)
	}
	b = appendQuoted(append(b, `,"is_active":true,"created_by":`...), h.CreatedBy)
	b = append(b, `,"created_at":"`...)
	return append(h.CreatedAt.AppendFormat(b, time.RFC3339Nano), '"', '}')
}

type createHook struct {
	Body struct {
		URL         string   `json:"url" maxLength:"2048" doc:"An https address."`
		Events      []string `json:"events" minItems:"1" maxItems:"50" doc:"Action words of the audit log such as secret.write, areas such as secret.*, or *."`
		Description *string  `json:"description,omitempty" nullable:"true" maxLength:"500"`
	}
}

type hookPath struct {
	WebhookID string `path:"webhook_id"`
}

type updateHook struct {
	hookPath
	Body struct {
		URL         sent[string]   `json:"url,omitzero" maxLength:"2048"`
		Events      sent[[]string] `json:"events,omitzero"`
		IsActive    sent[bool]     `json:"is_active,omitzero" doc:"true also goes on with one that was paused, from the next event on."`
		Description sent[string]   `json:"description,omitzero" nullable:"true" maxLength:"500"`
	}
}

type hookList struct {
	Webhooks []hookBody `json:"webhooks"`
}

func (a *API) registerWebhooks() {
	const all, one = "/v1/webhooks", "/v1/webhooks/{webhook_id}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-webhook", tag: "Webhooks", status: http.StatusCreated,
		summary: "Have an address called, signed, for events of the audit log", action: policy.CreateHook, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *createHook) (*body[*newHook], error) {
		h, key, err := a.webhooks.Create(ctx, c, webhook.Draft{URL: in.Body.URL, Events: in.Body.Events, Description: deref(in.Body.Description)})
		return answer(&newHook{
			ID: h.ID, URL: h.URL, Secret: secretValue{key}, Events: h.Events, Description: present(h.Description), IsActive: h.Active,
			CreatedBy: h.CreatedBy, CreatedAt: h.CreatedAt,
		}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-webhooks", tag: "Webhooks",
		summary: "List the organisation's webhooks, and how their latest calls went", action: policy.ListHooks,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[hookList], error) {
		hooks, err := a.webhooks.List(ctx, c)
		out := hookList{Webhooks: []hookBody{}}
		for i := range hooks {
			out.Webhooks = append(out.Webhooks, hookOf(&hooks[i]))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-webhook", tag: "Webhooks",
		summary: "One webhook, and how its latest call went", action: policy.ReadHook,
	}, func(ctx context.Context, c *call.Call, in *hookPath) (*body[hookBody], error) {
		h, err := a.webhooks.Get(ctx, c, in.WebhookID)
		return answer(hookOf(&h), err)
	})
	handle(a, op{
		method: http.MethodPatch, path: one, id: "update-webhook", tag: "Webhooks",
		summary: "Change a webhook, stop it, or let it go on", action: policy.UpdateHook,
	}, func(ctx context.Context, c *call.Call, in *updateHook) (*body[hookBody], error) {
		h, err := a.webhooks.Update(ctx, c, in.WebhookID, webhook.Change{
			URL: in.Body.URL.Field, Events: in.Body.Events.Field, Active: in.Body.IsActive.Field, Description: in.Body.Description.Field,
		})
		return answer(hookOf(&h), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "delete-webhook", tag: "Webhooks",
		summary: "Delete a webhook", action: policy.DeleteHook,
	}, func(ctx context.Context, c *call.Call, in *hookPath) (*empty, error) {
		return &empty{}, a.webhooks.Remove(ctx, c, in.WebhookID)
	})
}
