package inspect

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Vault is what the watcher asks for values.
type Vault interface {
	Watch(ctx context.Context, c *call.Call, most int) ([]vault.Watched, bool, error)
	OpenWatched(ctx context.Context, c *call.Call, which []vault.Watched, take func(vault.Watched, secret.Bytes)) error
	Writes(org string) uint64
}

// Watcher knows the values that agents may use, as hashes.
type Watcher struct {
	Vault Vault
	Epoch func(org string) (int64, bool) // of rights; see vault.Store
	Now   func() time.Time
	Log   *slog.Logger

	mu     sync.Mutex
	agents map[string]*watched // by id
}

// watched is what is known of one agent.
type watched struct {
	mu     sync.Mutex
	set    *known.Set
	all    []vault.Watched
	epoch  int64
	writes uint64
	looked time.Time
	used   time.Time
}

const (
	maxWatched = 10_000 // values of one agent
	maxAgents  = 256    // that are remembered
	// fresh is after how long an agent's list is looked at again although this node knows
	// of no change: another may have made one.
	fresh = 5 * time.Second
)

// For is the set of the calling agent. The values are opened again when what the agent may
// use, or a value of it, has changed.
func (w *Watcher) For(ctx context.Context, c *call.Call) (*known.Set, error) {
	a := w.of(c.Who.ID, c.Now)
	a.mu.Lock()
	defer a.mu.Unlock()
	epoch, sure := w.Epoch(c.Who.Org)
	writes := w.Vault.Writes(c.Who.Org)
	age := w.Now().Sub(a.looked)
	if a.set != nil && sure && a.epoch == epoch && a.writes == writes && age >= 0 && age < fresh {
		return a.set, nil
	}
	all, more, err := w.Vault.Watch(ctx, c, maxWatched)
	if err != nil {
		return nil, err
	}
	if more {
		w.Log.Warn("an agent may use more secrets than Shroud looks for", slog.String("agent", c.Who.ID), slog.Int("most", maxWatched))
	}
	if a.set == nil || !slices.Equal(all, a.all) {
		var values []known.Value
		defer func() {
			for _, v := range values {
				v.Value.Wipe()
			}
		}()
		err := w.Vault.OpenWatched(ctx, c, all, func(at vault.Watched, v secret.Bytes) {
			values = append(values, parts(at.Path, at.Type, v)...)
		})
		if err != nil {
			return nil, err
		}
		a.set, a.all = known.New(values), all
	}
	a.epoch, a.writes, a.looked = epoch, writes, w.Now()
	return a.set, nil
}

// of finds what is known of an agent. Who was not seen for longest makes room.
func (w *Watcher) of(agent string, now time.Time) *watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.agents == nil {
		w.agents = map[string]*watched{}
	}
	a := w.agents[agent]
	if a == nil {
		if len(w.agents) >= maxAgents {
			oldest := ""
			for id, o := range w.agents {
				if oldest == "" || o.used.Before(w.agents[oldest].used) {
					oldest = id
				}
			}
			delete(w.agents, oldest)
		}
		a = &watched{}
		w.agents[agent] = a
	}
	a.used = now
	return a
}

// leastPart is how long a part of a value must be to be looked for by itself.
const leastPart = 8

// parts are a value and, where it is made of several, each of them.
func parts(path, kind string, v secret.Bytes) []known.Value {
	out := []known.Value{{Label: path, Value: v}}
	raw := v.Reveal()
	switch {
	case kind == "env_bundle":
		for line := range strings.Lines(string(raw)) {
			name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
			value = strings.Trim(value, `"'`)
			if ok && len(value) >= leastPart {
				out = append(out, known.Value{Label: path + "#" + strings.TrimSpace(name), Value: secret.FromString(value)})
			}
		}
	case len(raw) > 0 && (raw[0] == '{' || raw[0] == '['):
		var all any
		if json.Unmarshal(raw, &all) == nil {
			out = append(out, texts(path, "", all, maxParts)...)
		}
	}
	return out
}

// maxParts is how many texts of one value are looked for by themselves.
const maxParts = 1000

// texts are those in a value of JSON, each with the names of the fields that lead to it, which tell them apart.
func texts(path, way string, v any, most int) (out []known.Value) {
	take := func(name string, v any) {
		if len(out) < most {
			out = append(out, texts(path, way+map[bool]string{true: "#", false: "."}[way == ""]+name, v, most-len(out))...)
		}
	}
	switch v := v.(type) {
	case string:
		if len(v) >= leastPart {
			out = append(out, known.Value{Label: path + way, Value: secret.FromString(v)})
		}
	case []any:
		for i, of := range v {
			take(strconv.Itoa(i), of)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			take(name, v[name])
		}
	}
	return out
}
