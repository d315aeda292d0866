package redact

import "reflect"

// Apply returns a copy of a value without secrets in its texts. The value itself is not changed. Texts are those of the type
// string: a named type, such as a verdict, has a fixed set of values. Bytes and unexported fields are kept.
func Apply[T any](r *Redactor, v T) T {
	if r == nil {
		return v
	}
	out := r.copyOf(reflect.ValueOf(&v).Elem())
	return out.Interface().(T) //nolint:errcheck // a copy has the type of its original
}

var text = reflect.TypeFor[string]()

// copyOf returns a copy of a value. Cycles do not end it: values of reports have none.
func (r *Redactor) copyOf(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		if v.Type() == text {
			out.SetString(r.String(v.String()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(r.copyOf(v.Field(i)))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(r.copyOf(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(r.copyOf(v.Elem()))
		}
	case reflect.Array:
		for i := range v.Len() {
			out.Index(i).Set(r.copyOf(v.Index(i)))
		}
	case reflect.Slice:
		if !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(r.copyOf(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for it := v.MapRange(); it.Next(); {
				out.SetMapIndex(r.copyOf(it.Key()), r.copyOf(it.Value()))
			}
		}
	}
	return out
}
