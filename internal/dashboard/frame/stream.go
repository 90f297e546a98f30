package frame

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/loopback"
)

// Stream passes an answer of the API on as it comes, as a file where it has a name.
func (v *Visit) Stream(path, file string) error {
	_, token, err := v.frame.Logins.Browse(v.R.Context(), v.cookie, false, v.Now())
	if err != nil {
		return err
	}
	defer token.Wipe()
	r, err := http.NewRequestWithContext(v.R.Context(), http.MethodGet, path, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+string(token.Reveal()))
	r.Header.Set("User-Agent", v.R.UserAgent())
	if file != "" {
		v.W.Header().Set("Content-Disposition", `attachment; filename="`+file+`"`)
	}
	loopback.New(v.frame.Server, v.R, v.frame.Log).Serve(v.W, r)
	return nil
}
