package mcpserver

import (
	"context"
	"encoding/json"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// wantedSecret is what a model is told of a secret that it asked people for.
type wantedSecret struct {
	ID      string    `json:"request_id"`
	Status  string    `json:"status"`
	Path    string    `json:"path"`
	URL     string    `json:"url,omitempty"`
	Expires time.Time `json:"expires_at"`
	MayRead *bool     `json:"may_read,omitempty"`
	MayUse  *bool     `json:"may_use,omitempty"`
	Version uint64    `json:"version,omitempty"`
	EndedBy string    `json:"ended_by,omitempty"`
	Answer  string    `json:"answer,omitempty"`
	Next    string    `json:"next"`
}

// requestSecret asks people for a secret, or says what became of that. The page where a person
// gives the value is what a client opens for its human, if it can; the value takes no way through here.
func requestSecret(ctx context.Context, s *session, in input) (text string, opens *mcp.ElicitParams, err error) {
	if id := in.text("request_id"); id != "" {
		if !ids.Exact(id) {
			return "", nil, notice("Parameter 'request_id' must be the id that request_secret gave.")
		}
		r, err := s.api.SecretRequest(ctx, id)
		if err != nil {
			return "", nil, err
		}
		return wantedText(r), nil, nil
	}
	if in.text("path") == "" || in.text("reason") == "" {
		return "", nil, notice("Give 'path' and 'reason' to ask for a secret, or 'request_id' to see what became of it.")
	}
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", nil, err
	}
	r, err := s.api.RequestSecret(ctx, client.SecretAsk{
		VaultID: vault, Path: in.text("path"), Reason: in.text("reason"), Service: in.text("service"), Host: in.text("host"),
	})
	if err != nil {
		return "", nil, err
	}
	return wantedText(r), &mcp.ElicitParams{
		Mode: "url", URL: r.URL, ElicitationID: r.ID,
		Message: "The agent lacks the secret " + r.Path + " and asks you to store it. The page shows what for. Only go on if you know of it.",
	}, nil
}

// wantedText says what the model does next.
func wantedText(r *client.SecretRequest) string {
	out := wantedSecret{ID: r.ID, Status: r.Status, Path: r.Path, Expires: r.ExpiresAt, MayRead: r.MayRead, MayUse: r.MayUse, Version: r.Version, EndedBy: r.EndedBy, Answer: r.Answer}
	grant := ""
	if r.MayUse != nil && !*r.MayUse {
		grant = " No policy lets this agent use that path: a human must grant it besides."
	}
	switch r.Status {
	case "waiting":
		out.URL = r.URL
		out.Next = "Give the url to the human, who enters the value there. Never take the value in this conversation. Call request_secret with request_id to see whether it was given." + grant
	case "filled":
		out.Next = "The secret is stored at the path." + grant
	case "declined":
		out.Next = "A human declined. Do not ask for it again; the answer, if there is one, is theirs."
	default:
		out.Next = "The request is over. Ask again if you still need the secret."
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic("mcpserver: a request for a secret does not marshal") // it always does
	}
	return string(text)
}

// opening is a tool's result that has the client open an address for its human before it calls again, where
// it has said that it can do that; nil: it has not, or has done so.
func opening(req *mcp.CallToolRequest, page *mcp.ElicitParams) *mcp.CallToolResult {
	can := req.ClientCapabilities()
	if page == nil || can == nil || can.Elicitation == nil || can.Elicitation.URL == nil {
		return nil
	}
	return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"page": page}, RequestState: page.ElicitationID}
}

// opened is what a client sent that was asked to open an address, in the arguments of a call that asks
// what came of it.
func opened(req *mcp.CallToolRequest) json.RawMessage {
	if req.Params.RequestState == "" {
		return req.Params.Arguments
	}
	text, err := json.Marshal(map[string]string{"request_id": req.Params.RequestState})
	if err != nil {
		return req.Params.Arguments
	}
	return text
}
