package tree

import (
	"fmt"
	"maps"
	"slices"
)

// An edit of a value is a tree: an Object says which keys change, Items what happens to a list, Replaced that a whole list
// is exchanged, Removed that a key is dropped, and any other value what a key becomes. An edit contains nothing that the
// value already has, so an empty edit changes nothing.
type (
	// Items changes single items of a list and adds new ones before and after the existing ones.
	Items struct {
		At              []ItemEdit
		Prepend, Append []any
	}
	// ItemEdit changes the item of an index.
	ItemEdit struct {
		Index int
		Edit  Object
	}
	// Replaced takes the place of a list.
	Replaced []any
	// Removed takes a key out of its mapping.
	Removed struct{}
)

// Empty reports whether the edit changes nothing.
func (i Items) Empty() bool { return len(i.At)+len(i.Prepend)+len(i.Append) == 0 }

// Change merges an edit into the one of the item of an index, and keeps the edits in the order of their items.
func (i *Items) Change(index int, edit Object) {
	at, found := slices.BinarySearchFunc(i.At, index, func(e ItemEdit, index int) int { return e.Index - index })
	if !found {
		i.At = slices.Insert(i.At, at, ItemEdit{index, edit})
		return
	}
	i.At[at].Edit = merged(i.At[at].Edit, edit)
}

// merged returns the fields of two edits of one mapping. Where both have a key, objects are merged, and else b's counts.
func merged(a, b Object) Object {
	out := slices.Clone(a)
	for _, f := range b {
		at := slices.IndexFunc(out, func(have Field) bool { return have.Key == f.Key })
		if at < 0 {
			out = append(out, f)
			continue
		}
		old, isObject := out[at].Value.(Object)
		if now, ok := f.Value.(Object); ok && isObject {
			f.Value = merged(old, now)
		}
		out[at] = f
	}
	return out
}

// Deviations are the places where an editor of bytes did not do the usual thing. The keys are paths, such as
// ".spec.containers[0].args".
type Deviations struct {
	Inserted map[string]int  // new items of a list went before the item of this index, and not to the end
	Emptied  map[string]bool // a key could not be removed, and got an empty list instead
}

// Apply returns the plain value that an edit makes of a plain value. It changes neither.
func Apply(value, edit any, deviations Deviations) any {
	return application{deviations}.apply(value, edit, "")
}

type application struct{ Deviations }

func (a application) apply(value, edit any, at string) any {
	switch e := edit.(type) {
	case Object:
		return a.object(value, e, at)
	case Items:
		old, _ := value.([]any)
		out := slices.Clone(old)
		for _, item := range e.At {
			if item.Index < len(out) {
				out[item.Index] = a.apply(out[item.Index], item.Edit, fmt.Sprintf("%s[%d]", at, item.Index))
			}
		}
		index, ok := a.Inserted[at]
		if !ok || index > len(out) {
			index = len(out)
		}
		return slices.Concat(plain(e.Prepend), out[:index], plain(e.Append), out[index:])
	case Replaced:
		return plain(e)
	case []any:
		return plain(e)
	case Removed:
		return []any{} // only where it could not be removed
	default:
		return e
	}
}

func (a application) object(value any, edit Object, at string) any {
	old, _ := value.(map[string]any)
	out := maps.Clone(old)
	if out == nil {
		out = map[string]any{}
	}
	for _, f := range edit {
		path := at + "." + f.Key
		if _, remove := f.Value.(Removed); remove && !a.Emptied[path] {
			delete(out, f.Key)
			continue
		}
		out[f.Key] = a.apply(out[f.Key], f.Value, path)
	}
	return out
}

func plain(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = Apply(nil, v, Deviations{})
	}
	return out
}

// Result returns what an edit makes of a plain value, ready to be written. A value that is entirely new keeps the order of
// the edit's fields.
func Result(value, edit any) any {
	if _, remove := edit.(Removed); remove || isNothing(value) {
		return created(edit)
	}
	return FromPlain(Apply(value, edit, Deviations{}))
}

// created returns the value of an edit that finds nothing.
func created(edit any) any {
	switch e := edit.(type) {
	case Items:
		return slices.Concat(e.Prepend, e.Append)
	case Replaced:
		return []any(e)
	case Removed:
		return []any{}
	case Object:
		out := make(Object, 0, len(e))
		for _, f := range e {
			if _, remove := f.Value.(Removed); !remove {
				out = append(out, Field{f.Key, created(f.Value)})
			}
		}
		return out
	}
	return edit
}

// isNothing reports whether a plain value has no content that an edit must keep.
func isNothing(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
