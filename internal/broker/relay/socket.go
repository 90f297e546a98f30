package relay

import (
	"context"
	"io"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/broker/mask"
)

// upgraded passes a WebSocket on, both ways.
func (t *transfer) upgraded(ctx context.Context, cancel func(), res *http.Response, body *upload) error {
	both, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		return errBroken
	}
	defer context.AfterFunc(ctx, func() { _ = both.Close() })()
	up := make(chan struct{})
	go func() {
		defer close(up)
		_, err := io.Copy(both, body)
		if err != nil {
			cancel()
		}
	}()
	f := mask.NewFrames(t.mask)
	t.out = f
	err := t.copy(ctx, both)
	_ = both.Close()
	body.Shut(body.r)
	<-up
	if f.Err() != nil {
		return errEncoding
	}
	return err
}
