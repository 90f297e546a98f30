package childproxy_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
)

// TestMain makes of the test a program of Go's net/http, where a test started it as that.
func TestMain(m *testing.M) {
	address := os.Getenv("ONECLAW_TEST_FETCH")
	if address == "" {
		os.Exit(m.Run())
	}
	q, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err == nil {
		q.Header.Set("Authorization", "Bearer "+os.Getenv("API_TOKEN"))
		var res *http.Response
		if res, err = http.DefaultClient.Do(q); err == nil {
			_, err = io.Copy(os.Stdout, res.Body)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
