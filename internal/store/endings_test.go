package store

import (
	"reflect"
	"testing"
)

// A new field of ending must be summed, too: what ends in several organisations is told so.
func TestASumHasEachField(t *testing.T) {
	t.Parallel()
	all := endings{}
	for _, org := range []string{"a", "b"} {
		v := reflect.ValueOf(all.in(org)).Elem()
		for i := range v.NumField() {
			f := reflect.NewAt(v.Field(i).Type(), v.Field(i).Addr().UnsafePointer()).Elem()
			if f.Kind() == reflect.Slice {
				f.Set(reflect.ValueOf([]string{org}))
			} else {
				f.SetInt(1)
			}
		}
	}
	v := reflect.ValueOf(all.sum()).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() != 2 || f.Kind() == reflect.Int64 && f.Int() != 2 {
			t.Errorf("%s is not summed: %v", v.Type().Field(i).Name, f)
		}
	}
}
