package childproxy

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

// fresh is how long bindings count without being read again. The server asks its own for each
// request: what is stale here is at most a request that it refuses, or one that has to be sent again.
const fresh = 3 * time.Second

// book knows where the secrets of a run may be used.
type book struct {
	client  *client.Client
	secrets []Secret
	now     func() time.Time

	mu    sync.Mutex
	pages []page // one for each secret
}

type page struct {
	list []binding.Binding
	read time.Time
}

func newBook(c *client.Client, secrets []Secret, now func() time.Time) *book {
	return &book{client: c, secrets: secrets, now: now, pages: make([]page, len(secrets))}
}

// readAll reads all pages that are not fresh.
func (b *book) readAll(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.secrets {
		if b.now().Sub(b.pages[i].read) < fresh {
			continue
		}
		got, err := b.client.Bindings(ctx, s.Vault, s.Path)
		if err != nil {
			return err
		}
		list := make([]binding.Binding, 0, len(got.Bindings))
		for _, x := range got.Bindings {
			list = append(list, binding.Binding{Hosts: x.Hosts, In: binding.Place(x.In)})
		}
		b.pages[i] = page{list: list, read: b.now()}
	}
	return nil
}

// refresh is readAll for a request. A server that can't be asked now changes nothing; one that
// says that the caller may not know takes the bindings away.
func (b *book) refresh(ctx context.Context) {
	err := b.readAll(ctx)
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusForbidden && e.Status != http.StatusNotFound && e.Status != http.StatusUnauthorized {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.pages {
		if b.now().Sub(b.pages[i].read) >= fresh {
			b.pages[i].list = nil
		}
	}
}

// doubt has all pages read again before the next request.
func (b *book) doubt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.pages {
		b.pages[i].read = time.Time{}
	}
}

// at returns the numbers of the secrets that are bound to a host.
func (b *book) at(h binding.Host) map[int]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[int]bool{}
	for i := range b.pages {
		for j := range b.pages[i].list {
			if b.pages[i].list[j].At(h) {
				out[i] = true
			}
		}
	}
	return out
}

// inBody reports whether a secret goes into bodies that are sent to a host.
func (b *book) inBody(h binding.Host) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.pages {
		for j := range b.pages[i].list {
			if x := &b.pages[i].list[j]; x.In.Kind() == "body" && x.At(h) {
				return true
			}
		}
	}
	return false
}

// hosts are those that a secret is bound to, as the bindings write them.
func (b *book) hosts(number int) (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.pages[number].list {
		out = append(out, x.Hosts...)
	}
	return out
}
