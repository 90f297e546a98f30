package cli

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// dataUsage says what --data takes, of all commands that send a request.
const dataUsage = "the body, as it is sent; @FILE sends a file, and @- stdin"

// headersOf reads headers as curl takes them.
func headersOf(all []string) (map[string]string, error) {
	for _, h := range all {
		if !strings.Contains(h, ":") {
			return nil, console.Usage("A header has no colon: --header takes 'NAME: VALUE', such as --header 'Accept: application/json'.")
		}
	}
	return pairs(all, ":", "--header takes 'NAME: VALUE'.")
}

// bodyOf reads what --data names, and says of JSON that it is JSON where no header says what it is.
// A secret goes into a body only where it is known how to write it there.
func (c *cli) bodyOf(data string, headers map[string]string) (string, error) {
	if name, ok := strings.CutPrefix(data, "@"); ok {
		text, err := c.readData(name)
		if err != nil {
			return "", err
		}
		data = text
	}
	if data == "" || slices.ContainsFunc(slices.Collect(maps.Keys(headers)), func(name string) bool { return strings.EqualFold(name, "Content-Type") }) {
		return data, nil
	}
	switch {
	case json.Valid([]byte(data)):
		headers["Content-Type"] = "application/json"
	case strings.Contains(data, "{{secret:"), strings.Contains(data, "oneclaw://"):
		return "", console.Usage("A secret goes into a body that is JSON or a form, and this is no JSON: say what it is with --header 'Content-Type: application/x-www-form-urlencoded'.")
	}
	return data, nil
}

func (c *cli) readData(name string) (string, error) {
	in := c.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fault.New(fault.Invalid, "data_not_read", "The file of --data can't be read. ("+console.Cause(err)+")")
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxData+1))
	if err != nil || len(text) > maxData {
		return "", fault.New(fault.Invalid, "data_not_read", "What --data names can't be read, or has more than 5 MiB.")
	}
	return string(text), nil
}

// maxData is how long a body may be.
const maxData = 5 << 20

// shownAnswer says what of an answer is printed.
type shownAnswer struct{ include, fail bool }

func (a *shownAnswer) flags(f *pflag.FlagSet) {
	f.BoolVarP(&a.include, "include", "i", false, "print the status and the headers of the answer, too")
	f.BoolVarP(&a.fail, "fail", "f", false, "end with code 1, and print no body, where the status is 400 or above")
}

// showAnswer prints the answer of the other server; all is what programs get.
func (c *cli) showAnswer(all any, got *client.HTTPAnswer, how shownAnswer) error {
	failed := how.fail && got.Status >= http.StatusBadRequest
	says := "The other server answered " + strings.TrimSpace(strconv.Itoa(got.Status)+" "+http.StatusText(got.Status)) + "."
	switch {
	case c.JSON:
		if err := c.PrintJSON(all); err != nil {
			return err
		}
	default:
		if got.Status >= http.StatusBadRequest && !failed {
			c.Warn(says)
		}
		if got.Truncated {
			c.Warn("The answer is longer than the 1 MiB that is shown.")
		}
		text := ""
		if how.include {
			text = headOf(got)
		}
		if !failed {
			text += got.Body
		}
		if _, err := c.Stdout.Write([]byte(text)); err != nil {
			return err
		}
	}
	if failed {
		return fault.New(fault.Unprocessable, "answer_is_failure", says)
	}
	return nil
}

// headOf is the head of an answer. Its version of HTTP is not known here.
func headOf(got *client.HTTPAnswer) string {
	var text strings.Builder
	text.WriteString(strings.TrimSpace("HTTP "+strconv.Itoa(got.Status)+" "+http.StatusText(got.Status)) + "\n")
	for _, name := range slices.Sorted(maps.Keys(got.Headers)) {
		text.WriteString(console.Clean(name+": "+got.Headers[name]) + "\n")
	}
	return text.String() + "\n"
}
