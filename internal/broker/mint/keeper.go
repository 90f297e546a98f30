package mint

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Keeper keeps a refresh token that its server may replace. All nodes have one of a secret, and of those that ask at
// once Begin lets one go on.
type Keeper interface {
	// Begin waits until no other shows the refresh token to its server. ErrMoved: there is another by now.
	Begin(ctx context.Context) error
	// Replace stores what the server gave in its place, and ends what Begin began. ErrMoved: somebody stored another.
	Replace(ctx context.Context, next secret.Bytes) error
	// End ends it where there was no other.
	End(ctx context.Context)
	// Close wipes what the keeper has. Nothing is called after it.
	Close()
}

var (
	// ErrMoved says that the secret has a newer version, which has to be opened.
	ErrMoved = &fault.Error{
		Kind: fault.Unavailable, Code: "refresh_token_moved", RetryAfter: time.Second,
		Detail: "The secret got another refresh token meanwhile, over and over. Nothing was sent to the host: try again.",
	}
	// ErrRotated says that a refresh token was used up, and that there is no other.
	ErrRotated = fault.New(fault.Unprocessable, "refresh_token_rotated",
		"The authorization server gave another refresh token in place of the stored one, and it could not be stored: the stored one may be used up. Nothing was sent to the host. A human signs in there again and stores a new one.")
	// ErrNotKept says that a refresh token is not used, since the one that comes of it could not be stored.
	ErrNotKept = fault.New(fault.Unprocessable, "refresh_token_not_kept",
		"The authorization server replaces refresh tokens, and whoever set the binding may not write this secret any more, or its writes take an approval. Nothing was asked or sent. A human who may sets the binding anew.")
)

// asked asks for a token, and stores the refresh token that it came with. It says for how long the answer is good,
// also of an error: a refresh token that was used up is not sent again, since servers take that for a theft, and end
// all that came of it.
func (m *Mint) asked(ctx context.Context, from From, g *Grant, keep Keeper) (Minted, time.Duration, error) {
	if keep != nil {
		if err := keep.Begin(ctx); err != nil {
			return Minted{}, 0, err
		}
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, err := m.ask(within, from, g)
	switch {
	case err != nil || !got.replaces:
		if keep != nil {
			keep.End(ctx)
		}
		if err != nil {
			got.Wipe()
			got.Minted = Minted{}
		}
		return got.Minted, got.good, err
	case keep == nil:
		err = ErrRotated
	default:
		err = keep.Replace(ctx, got.Refresh)
	}
	if err == nil {
		return got.Minted, got.good, nil
	}
	got.Wipe()
	if errors.Is(err, ErrMoved) {
		return Minted{}, 0, ErrMoved
	}
	return Minted{}, longest, ErrRotated
}
