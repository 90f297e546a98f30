package identity_test

import "context"

func (o *outbox) EnrollAgent(_ context.Context, to, name, from, key, token string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tokens == nil {
		o.tokens = map[string]string{}
	}
	o.tokens["key for "+to], o.tokens["link for "+to] = key, token
	o.tokens["text for "+to] = name + " from " + from
	return o.err
}
