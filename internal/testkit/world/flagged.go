package world

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
)

// FlaggedFor is how long KeepFlagged keeps.
const FlaggedFor = 7 * 24 * time.Hour

// KeepFlagged stores a call of an agent that was stopped, with what was flagged in it, as Shroud
// does. It returns the id of both.
func (w *World) KeepFlagged(agent policy.Principal, all ...flagged.Excerpt) string {
	w.t.Helper()
	c := w.Call(agent, policy.CallModel)
	t := &flagged.Text{ID: ids.New(), Org: agent.Org, Agent: agent.ID, At: c.Now}
	keeper := flagged.Keeper{Sealer: w.Sealer, Keys: w.Keys, For: FlaggedFor}
	w.must(keeper.Seal(w.t.Context(), t, all))
	w.must(w.Spends.Note(w.t.Context(), c, activity.Request{ID: t.ID, Action: activity.Blocked, Text: t}))
	return t.ID
}
