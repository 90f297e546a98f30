package broker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/broker/coding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Answer is what came back, without any secret.
type Answer struct {
	Status     int
	Header     map[string]string
	Body       []byte
	Truncated  bool // the answer is longer than what is handed back
	Redactions int
}

// MaxAnswer is how much of an answer is handed back.
const MaxAnswer = 1 << 20

var (
	errUpstream = fault.New(fault.Unprocessable, CodeFailed, "The other server could not be reached, or its answer broke off. Whether it did what was asked is not known.")
	errRefused  = fault.New(fault.Denied, "destination_refused", "This server does not call that address: it is not public, and its operator has not allowed it.").Because("address_refused")
	errEncoding = fault.New(fault.Unprocessable, CodeNotReadable, "The answer is encoded in a way that can't be searched for secrets, so it is held back.")
)

// HTTP sends a request with the secrets that it refers to, and returns the answer with each of
// them taken out. Nothing is sent again: after upstream_failed nobody knows whether it
// was done.
func (s *Service) HTTP(ctx context.Context, c *call.Call, r *Request) (Answer, error) {
	if err := authorized(c); err != nil {
		return Answer{}, err
	}
	d, err := read(r)
	if err != nil {
		return Answer{}, err
	}
	p, err := s.prepare(ctx, c, &d, r.Vault, s.requests)
	if err != nil {
		return Answer{}, err
	}
	defer p.Close()
	a, err := s.send(ctx, p)
	if err == nil {
		err = Sent(s.stands(ctx, c, p), errEnded)
	}
	p.tell(ctx, outcome{a.Status, int64(len(a.Body)), a.Redactions}, err)
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

// errUnsure must not say that nothing was changed: the request was sent.
var errUnsure = fault.New(fault.Unavailable, "outcome_unknown",
	"The request was sent, and its answer can't be shown: the database does not answer, so nobody knows whether the right to it still stands. Look whether it was done before you try again.")

// Sent is what a caller is told of an error that came up after its request was sent: ended where the right to it is
// gone, however that ended.
func Sent(err, ended error) error {
	switch {
	case fault.Is(err, fault.Unavailable):
		return errUnsure
	case fault.Is(err, fault.Denied), fault.Is(err, fault.Unauthenticated):
		return ended
	}
	return err
}

func (s *Service) send(ctx context.Context, p *Prepared) (Answer, error) {
	out, err := p.request(ctx, bytes.NewReader(p.filled.body))
	if err != nil {
		return Answer{}, err
	}
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", "oneclaw")
	}
	res, err := s.cfg.HTTP.Do(out)
	if err != nil {
		return Answer{}, refusedBy(err)
	}
	defer func() { _ = res.Body.Close() }()
	p.answered(res.StatusCode)
	return answer(res, p.redactor())
}

// answer reads an answer and takes the secrets out of all of it.
func answer(res *http.Response, hidden *redactor) (a Answer, err error) {
	if res.StatusCode < 200 || res.StatusCode > 999 {
		return Answer{}, errUpstream
	}
	a.Status = res.StatusCode
	body, encoded, err := coding.Decoded(res)
	if err != nil {
		return Answer{Status: res.StatusCode}, errEncoding
	}
	// A little more is read, so that a secret that begins before the end is seen whole.
	data, err := io.ReadAll(io.LimitReader(body, MaxAnswer+int64(8*hidden.longest())+1))
	if err != nil {
		return Answer{Status: res.StatusCode}, broken(encoded, err)
	}
	a.Truncated = len(data) > MaxAnswer
	a.Body = []byte(hidden.text(string(data), min(len(data), MaxAnswer)))
	a.Header = hidden.header(res.Header)
	a.Redactions = hidden.n
	return a, nil
}

// broken is why an answer could not be read to its end: nobody can tell one that broke off from one that
// is not encoded as it says.
func broken(encoded bool, err error) error {
	switch {
	case slow(err):
		return errSlow
	case encoded:
		return errEncoding
	}
	return errUpstream
}

// shown reports whether a header of an answer is handed back: none that is a credential of the
// other server, or that frames its message.
func shown(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Set-Cookie", "Set-Cookie2", "Authorization", "Authentication-Info", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
		"X-Amz-Security-Token", "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Encoding", "Content-Length", "Trailer", "Upgrade", "Alt-Svc":
		return false
	}
	return true
}

// outcome is what came of a use.
type outcome struct {
	status     int
	bytes      int64
	redactions int
}

// tell puts into the log what came of a use that is in it already. The answer is handed back
// after it.
func (p *Prepared) tell(ctx context.Context, o outcome, failed error) {
	s, last := p.s, p.uses[len(p.uses)-1].at
	ev := *p.c.Event
	ev.ID, ev.At, ev.Action, ev.Committed = ids.New(), s.cfg.Now(), string(policy.UsedSecret), false
	ev.Details = audit.Details{Outcome: audit.Success, Token: p.c.Event.Details.Token, Vault: last.Vault, Path: last.Path.String(), Target: p.c.Event.ID}
	if failed != nil {
		ev.Details.Outcome, ev.Details.Reason = audit.Error, fault.CodeOf(failed)
	}
	ev.Details.More = []audit.Field{
		audit.Number("answered", uint64(max(o.status, 0))), audit.Number("bytes", uint64(o.bytes)),
		audit.Number("redactions", uint64(o.redactions)), audit.Number("ms", uint64(max(s.cfg.Now().Sub(p.began).Milliseconds(), 0))),
	}
	if err := s.cfg.Store.Append(context.WithoutCancel(ctx), &ev); err != nil {
		s.cfg.Log.Error("what came of a use is written to the log later", slog.String("use", p.c.Event.ID), slog.Any("error", err))
		s.cfg.Later.Put(p.c.Event.ID, func(ctx context.Context) error { return s.cfg.Store.Append(ctx, &ev) })
	}
}

func asFault(err error) (*fault.Error, bool) { return errors.AsType[*fault.Error](err) }
