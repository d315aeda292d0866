package redact

import "reflect"

// Apply returns a copy of a value without secrets in its texts. The value itself is not changed. Texts are those of the type
// string: a named type, such as a verdict, has a fixed set of values. Bytes and unexported fields are kept.
func Apply[T any](r *Redactor, v T) T {
	if r == nil {
		return v
	}
	return Texts(v, r.String)
}

// Texts returns a copy of a value with the results of a function in place of its texts, with the rules of Apply.
func Texts[T any](v T, f func(string) string) T {
	out := copier(f).copyOf(reflect.ValueOf(&v).Elem())
	return out.Interface().(T) //nolint:errcheck // a copy has the type of its original
}

// copier changes texts.
type copier func(string) string

var text = reflect.TypeFor[string]()

// copyOf returns a copy of a value. Cycles do not end it: values of reports have none.
func (c copier) copyOf(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		if v.Type() == text {
			out.SetString(c(v.String()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(c.copyOf(v.Field(i)))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(c.copyOf(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(c.copyOf(v.Elem()))
		}
	case reflect.Array:
		for i := range v.Len() {
			out.Index(i).Set(c.copyOf(v.Index(i)))
		}
	case reflect.Slice:
		if !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(c.copyOf(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for it := v.MapRange(); it.Next(); {
				out.SetMapIndex(c.copyOf(it.Key()), c.copyOf(it.Value()))
			}
		}
	}
	return out
}
