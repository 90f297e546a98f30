package x402

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// Request is what somebody wants to pay for.
type Request struct {
	Org    string
	Target string // method, path and query: what the payment is bound to
	// Resource is what the facilitator is told of it: no path, since that may name a
	// secret.
	Resource string
	Price    int64
}

// Receipt is a payment that was settled, for a request that is to be served now.
type Receipt struct {
	// Response is the header X-PAYMENT-RESPONSE.
	Response string
	hold     Hold
}

// Pay has a payment checked, takes it, and has it settled, in this order: one that
// the facilitator finds no good takes no place in the database; who took it settles
// it, nobody else; and only then the request is served. A client that goes away
// meanwhile changes nothing: what was settled is written down.
func (s *Service) Pay(ctx context.Context, t *Terms, req *Request, header string) (*Receipt, error) {
	p, err := read(header)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	id, err := p.fits(t, req.Price, now)
	if err != nil {
		return nil, err
	}
	// Of many at a time one goes on. Those on other nodes meet at the row.
	if _, busy := s.busy.LoadOrStore(id, true); busy {
		return nil, errBusy
	}
	defer s.busy.Delete(id)
	h := Hold{
		ID: id, Resource: sha256.Sum256([]byte(req.Org + "\n" + req.Target)), Attempt: ids.New(), Org: req.Org,
		Network: t.Network, Price: req.Price, At: now, Until: now.Add(holdTime),
	}
	q := t.ask(p, req.Resource, req.Price)
	paid, err := s.cfg.Store.LookPayment(ctx, &h)
	if err != nil {
		return nil, taken(err)
	}
	if !paid { // else the network knows it as spent
		good, err := s.verify(ctx, t, q)
		if err != nil {
			s.silent("verify")
			return nil, errDown
		}
		if !good {
			return nil, errRefused
		}
	}
	ctx = context.WithoutCancel(ctx)
	if paid, err = s.cfg.Store.HoldPayment(ctx, &h); err != nil {
		return nil, taken(err)
	}
	if !paid {
		if err := s.settleHeld(ctx, t, q, &h); err != nil {
			return nil, err
		}
	}
	return &Receipt{Response: h.response(), hold: h}, nil
}

// settleHeld settles a payment that is held. When the facilitator gives no answer,
// the money may or may not have moved: the payment is free to be sent again, and
// what was settled once is not settled twice, since the network takes it once.
func (s *Service) settleHeld(ctx context.Context, t *Terms, q *question, h *Hold) error {
	done, err := s.settle(ctx, t, q)
	// The time to write it down starts now.
	ctx, stop := context.WithTimeout(ctx, recordTime)
	defer stop()
	if err != nil {
		s.silent("settle")
		if err := s.cfg.Store.ReleasePayment(ctx, h); err != nil {
			s.cfg.Log.Warn("a payment stays held for a while", slog.Any("error", err))
		}
		return errDown
	}
	if !*done.Success {
		if err := s.cfg.Store.RefusePayment(ctx, h); err != nil {
			s.cfg.Log.Warn("a payment stays held for a while", slog.Any("error", err))
		}
		return errRefused
	}
	h.Transaction, h.Payer = done.Transaction, done.Payer
	return taken(s.cfg.Store.SettlePayment(ctx, h))
}

// Unserved gives a payment back to its request, which was not served for a reason
// that lies here: the same request with the same payment is served later.
func (s *Service) Unserved(r *Receipt) {
	ctx, stop := context.WithTimeout(context.Background(), recordTime)
	defer stop()
	if err := s.cfg.Store.UnservePayment(ctx, &r.hold); err != nil {
		s.cfg.Log.Error("a payment was settled, and its request was not served", slog.Any("error", err))
	}
}

// taken tells what the store says of a payment that is not free.
func taken(err error) error {
	switch {
	case fault.Is(err, fault.Conflict):
		return errUsed
	case fault.CodeOf(err) == CodeHeld:
		return errBusy
	}
	return err
}

// silent notes that the facilitator is away, and nothing of what it was asked.
func (s *Service) silent(step string) {
	s.cfg.Log.Warn("the facilitator of payments did not answer", slog.String("step", step))
}

// response is the header of a paid answer.
func (h *Hold) response() string {
	text, err := json.Marshal(struct {
		Success     bool   `json:"success"`
		Transaction string `json:"transaction"`
		Network     string `json:"network"`
		Payer       string `json:"payer,omitempty"`
	}{true, h.Transaction, h.Network, h.Payer})
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(text)
}
