package rest

import (
	"errors"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// maxDepth bounds the nesting of bodies.
const maxDepth = 32

// bodyPlan is how a body is read into its field.
type bodyPlan struct {
	at    []int
	shape *shape // nil: it is taken as it came
}

// read sets the field. What does not fit goes into bad; the error is that of a body which is no
// JSON, or can't be decoded although it fits: a time or a number that its Go type doesn't hold.
func (p *bodyPlan) read(f reflect.Value, data []byte, bad *Invalid) error {
	if len(data) == 0 {
		bad.NoBody = true
		return nil
	}
	if p.shape == nil {
		f.SetBytes(data)
		return nil
	}
	dec := strictjson.Decoder(data)
	c := check{r: strictjson.NewReader(dec, maxDepth)}
	if err := c.body(p.shape); err != nil {
		return err
	}
	for i := range c.found {
		bad.Fields = append(bad.Fields, c.found[i].field())
	}
	if len(c.found) > 0 {
		return nil
	}
	strictjson.Again(dec, data)
	var err error
	erase.Do(func() { err = json.UnmarshalDecode(dec, f.Addr().Interface(), wholeNumbers()) })
	if err == nil {
		return nil
	}
	if what, ok := errors.AsType[*json.SemanticError](err); ok {
		for name := range what.JSONPointer.Tokens() {
			if _, known := p.shape.index[name]; known {
				bad.Fields = append(bad.Fields, Field{"body." + name, "is of another type, or larger, than what it takes"})
				return nil
			}
			break
		}
	}
	return strictjson.ErrNotJSON // its own text holds what was sent
}
