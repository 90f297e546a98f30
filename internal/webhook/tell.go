package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
)

// Name is an event's place in its log, and what it is.
type Name struct {
	Seq    uint64
	Action string
}

// Queue is how far each hook's receiver was told. Several nodes may look at once: who
// claims a hook has it until the lease ends.
type Queue interface {
	// DueHooks returns hooks whose log has grown and whose time has come, the longest
	// due first.
	DueHooks(ctx context.Context, now time.Time, limit int) ([]Hook, error)
	// MoveHook stores a hook's state, if it still is what was claimed or read: at the
	// same Next and Revision. False when it is not.
	MoveHook(ctx context.Context, h *Hook, to State) (moved bool, err error)
	// Names returns the events of an organisation after one, in order.
	Names(ctx context.Context, org string, after uint64, limit int) ([]Name, error)
	// Event returns one event; found is false when it is not there.
	Event(ctx context.Context, org string, seq uint64) (r *audit.Row, found bool, err error)
	// ActorName returns an agent's name or a member's mail address, as they are now; "" for
	// who is not there any more.
	ActorName(ctx context.Context, org, kind, id string) (string, error)
	// LogName names the log that the events are in. It changes with each restore.
	LogName(ctx context.Context) (string, error)
}

// How receivers are told.
const (
	lookEvery  = time.Second
	callers    = 8    // hooks that are served at a time
	callersOrg = 2    // of one organisation
	looked     = 200  // hooks that one look finds
	page       = 2000 // events that are read at a time
	turnTime   = 20 * time.Second
	lease      = time.Minute // longer than a turn and its last call
	saveEvery  = 16          // deliveries, which come again if the server ends
	saveTime   = 5 * time.Second

	// MaxWaiting is how many events wait for a receiver that fails or is slow. Older
	// ones are skipped and counted.
	MaxWaiting = 1000
	// PauseAfter is how long a receiver may fail before it is called no more.
	PauseAfter = 24 * time.Hour
)

// Run tells receivers until ctx ends.
func (s *Service) Run(ctx context.Context) {
	d := dispatcher{s: s, busy: map[string]bool{}, orgs: map[string]int{}, wake: make(chan struct{}, 1)}
	loop.EveryOr(ctx, lookEvery, d.wake, d.look)
	d.all.Wait()
}

// dispatcher shares the callers out among organisations.
type dispatcher struct {
	s    *Service
	mu   sync.Mutex
	busy map[string]bool // hooks
	orgs map[string]int
	all  sync.WaitGroup
	wake chan struct{}
}

func (d *dispatcher) look(ctx context.Context) {
	due, err := d.s.cfg.Store.DueHooks(ctx, d.s.cfg.Now(), looked)
	if err != nil {
		d.s.warn(ctx, "find those that are due", err)
		return
	}
	for i := range due {
		h := &due[i]
		if !d.take(h) {
			continue
		}
		d.all.Go(func() {
			defer d.give(h)
			if more, err := d.s.turn(ctx, h); err != nil {
				d.s.warn(ctx, "serve one", err)
			} else if more {
				select {
				case d.wake <- struct{}{}:
				default:
				}
			}
		})
	}
}

func (d *dispatcher) take(h *Hook) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[h.ID] || len(d.busy) >= callers || d.orgs[h.Org] >= callersOrg {
		return false
	}
	d.busy[h.ID] = true
	d.orgs[h.Org]++
	return true
}

func (d *dispatcher) give(h *Hook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.busy, h.ID)
	if d.orgs[h.Org]--; d.orgs[h.Org] == 0 {
		delete(d.orgs, h.Org)
	}
}

func (s *Service) warn(ctx context.Context, step string, err error) {
	if ctx.Err() == nil {
		s.cfg.Log.Warn("webhooks are not served as they should be", slog.String("step", step), slog.Any("error", err))
	}
}

// turn tells a hook's receiver of what waits, for turnTime at most. more says that
// it is worth looking again at once.
func (s *Service) turn(ctx context.Context, h *Hook) (more bool, err error) {
	waiting, end, skipped, err := s.waiting(ctx, h)
	if err != nil {
		return false, err
	}
	now := s.cfg.Now()
	to := h.State
	to.Skipped += skipped
	if len(waiting) == 0 {
		to.Told, to.Next = end, now
		_, err := s.cfg.Store.MoveHook(ctx, h, to)
		return false, err
	}
	to.Told, to.Next = waiting[0]-1, now.Add(lease)
	if mine, err := s.move(ctx, h, to); err != nil || !mine {
		return false, err
	}
	is := h.State // h stays as stored
	saved, unsaved := now, 0
	for _, seq := range waiting {
		// Who may not be told any more is told nothing more.
		asks, err := s.cfg.Store.Hook(ctx, h.Org, h.ID)
		if fault.Is(err, fault.NotFound) || err == nil && asks.Revision != h.Revision {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		out, err := s.tell(ctx, h, seq, is.Skipped)
		if ctx.Err() != nil {
			break // the server ends: that is no fault of the receiver
		}
		switch {
		case out.At.IsZero() && err != nil:
			return false, err
		case out.At.IsZero():
			is.Told, is.Skipped = seq, is.Skipped+1
		case !out.OK():
			_, moved := s.cfg.Store.MoveHook(ctx, h, s.failed(h.ID, is, out, err))
			return false, moved
		default:
			is.Last = is.Last.After(out)
			is.Told, is.Skipped, is.Attempts, is.FailingSince = seq, 0, 0, time.Time{}
		}
		at := s.cfg.Now()
		if at.Sub(now) > turnTime {
			break
		}
		if unsaved++; unsaved < saveEvery && at.Sub(saved) < saveTime {
			continue
		}
		saved, unsaved = at, 0
		is.Next = at.Add(lease)
		if mine, err := s.move(ctx, h, is); err != nil || !mine {
			return false, err
		}
	}
	if is.Told == waiting[len(waiting)-1] {
		is.Told = end
	}
	is.Next = s.cfg.Now()
	_, err = s.cfg.Store.MoveHook(context.WithoutCancel(ctx), h, is)
	return true, err
}

// move is MoveHook, after which h is as stored.
func (s *Service) move(ctx context.Context, h *Hook, to State) (bool, error) {
	moved, err := s.cfg.Store.MoveHook(ctx, h, to)
	if moved && err == nil {
		h.State = to
	}
	return moved && err == nil, err
}

// waiting returns the newest events that a hook asks for and that its receiver was not
// told of, up to the event end, and how many older ones there are.
func (s *Service) waiting(ctx context.Context, h *Hook) (newest []uint64, end, skipped uint64, err error) {
	end = h.Told
	for {
		names, err := s.cfg.Store.Names(ctx, h.Org, end, page)
		if err != nil {
			return nil, 0, 0, err
		}
		for _, n := range names {
			end = n.Seq
			if h.asks(n.Action) {
				newest = append(newest, n.Seq)
			}
		}
		if over := len(newest) - MaxWaiting; over > 0 {
			newest, skipped = newest[over:], skipped+uint64(over)
		}
		if len(names) < page {
			return newest, end, skipped, nil
		}
	}
}

// message is the body of a call.
type message struct {
	ID      string          `json:"id"` // of the event: the same whenever it comes again
	Type    string          `json:"type"`
	Webhook string          `json:"webhook_id"`
	Org     string          `json:"org_id"`
	Log     string          `json:"log"` // in which seq grows: another one after a restore
	Seq     uint64          `json:"seq"`
	At      time.Time       `json:"created_at"`
	Skipped uint64          `json:"skipped"`
	Event   json.RawMessage `json:"event"`
}

// tell makes one call. Without one the outcome has no time: with no error the event
// can't be read, and never will be.
func (s *Service) tell(ctx context.Context, h *Hook, seq, skipped uint64) (signedcall.Outcome, error) {
	r, found, err := s.cfg.Store.Event(ctx, h.Org, seq)
	if fault.CodeOf(err) == audit.CodeDamaged || err == nil && !found {
		return signedcall.Outcome{}, nil
	}
	if err != nil {
		return signedcall.Outcome{}, err
	}
	name, err := s.cfg.Store.ActorName(ctx, r.Org, r.ActorKind, r.ActorID)
	if err != nil {
		return signedcall.Outcome{}, err
	}
	log, err := s.cfg.Store.LogName(ctx)
	if err != nil {
		return signedcall.Outcome{}, err
	}
	shown, err := s.cfg.Render(r, name)
	if err != nil {
		return signedcall.Outcome{}, err
	}
	body, err := json.Marshal(message{
		ID: r.ID, Type: r.Action, Webhook: h.ID, Org: h.Org, Log: log, Seq: r.Seq, At: r.At, Skipped: skipped, Event: shown,
	})
	if err != nil {
		return signedcall.Outcome{}, err
	}
	return s.cfg.Calls.Post(ctx, signedcall.Target{URL: h.URL, At: h.ref(), Box: h.Box}, r.ID, body)
}

// failed is the state after a call that was not taken: it comes again later, until
// the receiver has failed for PauseAfter.
func (s *Service) failed(id string, to State, out signedcall.Outcome, err error) State {
	now := s.cfg.Now()
	to.Last = to.Last.After(out)
	to.Attempts++
	if to.FailingSince.IsZero() {
		to.FailingSince = now
	}
	to.Next = now.Add(backoff(to.Attempts))
	if now.Sub(to.FailingSince) >= PauseAfter {
		to.PausedAt, to.Next = now, time.Time{}
	}
	s.cfg.Log.Warn("a webhook did not take an event", slog.String("webhook", id), slog.Int("attempt", to.Attempts),
		slog.Bool("paused", !to.PausedAt.IsZero()), slog.Any("error", err))
	return to
}

// backoff doubles from two seconds to about four minutes.
func backoff(attempts int) time.Duration { return time.Second << min(attempts, 8) }
