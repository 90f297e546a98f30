package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"
)

// param is a field of the input that a parameter of the request fills.
type param struct {
	at       []int
	in, name string
	fallback string // for one that is absent
	once     bool   // a header that is no list: programs differ in which of two they read
	shape    *shape
}

// value returns what the request has, or the fallback.
func (p *param) value(r *http.Request, query url.Values) string {
	var text string
	switch p.in {
	case "path":
		text = r.PathValue(p.name)
	case "query":
		text = query.Get(p.name)
	default:
		text = r.Header.Get(p.name)
	}
	if text == "" {
		return p.fallback
	}
	return text
}

// read sets the field. What is wrong with the text goes into bad.
func (p *param) read(f reflect.Value, text string, bad *[]Field) {
	for _, message := range p.set(f, text) {
		*bad = append(*bad, Field{p.in + "." + p.name, message})
	}
}

// set sets the field, and returns what is wrong with the text.
func (p *param) set(f reflect.Value, text string) []string {
	if text == "" {
		if p.in == "path" {
			return []string{"required path parameter is missing"}
		}
		return nil
	}
	var err error
	switch f.Kind() { // paramOf refuses others
	case reflect.String:
		f.SetString(text)
	case reflect.Bool:
		var v bool
		v, err = strconv.ParseBool(text)
		f.SetBool(v)
	case reflect.Int:
		var v int64
		v, err = strconv.ParseInt(text, 10, 64)
		f.SetInt(v)
	case reflect.Uint64:
		var v uint64
		v, err = strconv.ParseUint(text, 10, 64)
		if err == nil && len(text) > 1 && text[0] == '0' { // a number has one text
			err = strconv.ErrSyntax
		}
		f.SetUint(v)
	default:
		var v time.Time
		v, err = time.Parse(time.RFC3339Nano, text)
		f.Set(reflect.ValueOf(v))
	}
	switch {
	case err != nil:
		return []string{"not acceptable"}
	case f.CanInt():
		return broken(p.shape.numbers, float64(f.Int()))
	case f.CanUint():
		return broken(p.shape.numbers, float64(f.Uint()))
	case len(p.shape.texts) > 0:
		return broken(p.shape.texts, []byte(text))
	}
	return nil
}

// paramOf returns the parameter that a field is, or nil.
func paramOf(f *reflect.StructField, at []int, s Schema) *param {
	p := &param{at: at, fallback: f.Tag.Get("default"), once: f.Tag.Get("header") != "" && f.Tag.Get("hidden") == ""}
	for _, p.in = range [...]string{"path", "query", "header"} {
		if p.name = f.Tag.Get(p.in); p.name != "" {
			break
		}
	}
	if p.name == "" {
		return nil
	}
	switch f.Type.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Uint64:
	default:
		if f.Type != reflect.TypeFor[time.Time]() {
			panic(fmt.Sprintf("rest: the parameter %s is a %s", p.name, f.Type))
		}
	}
	s.Default = nil
	p.shape = shapeOf(nil, &s)
	return p
}
