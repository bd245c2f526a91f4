package plan

import (
	"reflect"

	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// argument gives the value of an argument, or nil.
func (w *walker) argument(f *field, name string) any {
	a := f.Arguments.ForName(name)
	if a == nil {
		return nil
	}
	v, err := a.Value.Value(w.op.Variables)
	if err != nil {
		return nil
	}
	return v
}

// elements gives the values of a list, for which one value may stand. Variables come
// as slices of several types.
func elements(v any) []any {
	if all, ok := v.([]any); ok || v == nil {
		return all
	}
	s := reflect.ValueOf(v)
	if s.Kind() != reflect.Slice {
		return []any{v}
	}
	all := make([]any, s.Len())
	for i := range all {
		all[i] = s.Index(i).Interface()
	}
	return all
}

// key gives the user's or sender's number of an argument; 0 is none.
func key(v any) (upstream.ID, bool) {
	if v == nil {
		return 0, true
	}
	id, err := model.UnmarshalKey(v)
	return id, err == nil
}

// windowOf gives the window of a field, whether it ends now, and false where the field
// is an error.
func (w *walker) windowOf(f *field) (in upstream.Window, now, ok bool) {
	a := f.Arguments.ForName("window")
	if a == nil {
		return in, false, false
	}
	if last := w.member(a.Value, "last"); last != nil {
		d, err := model.UnmarshalDuration(last)
		return d.UpTo(w.op.Now), true, err == nil
	}
	between, _ := w.member(a.Value, "between").(map[string]any)
	start, err := model.UnmarshalDateTime(between["start"])
	end, err2 := model.UnmarshalDateTime(between["end"])
	return upstream.Window{Start: start, End: end}, false, err == nil && err2 == nil && start < end
}

// member gives a field of an object value, without making the object of a literal.
func (w *walker) member(v *ast.Value, name string) any {
	if v.Kind == ast.ObjectValue {
		if v = v.Children.ForName(name); v == nil {
			return nil
		}
		in, _ := v.Value(w.op.Variables)
		return in
	}
	whole, _ := v.Value(w.op.Variables)
	m, _ := whole.(map[string]any)
	return m[name]
}

// paging gives the paging arguments of a connection, and false where they are an
// error.
func (w *walker) paging(f *field) (a page.Args, ok bool) {
	number := func(name string) *int {
		v := w.argument(f, name)
		if v == nil {
			return nil
		}
		n, err := model.UnmarshalLong(v)
		i := int(n)
		if err != nil {
			i = -1
		}
		return &i
	}
	text := func(name string) *string {
		if s, ok := w.argument(f, name).(string); ok {
			return &s
		}
		return nil
	}
	a = page.Args{First: number("first"), Last: number("last"), After: text("after"), Before: text("before")}
	return a, a.Sound() && (a.After == nil || len(*a.After) <= maxText) && (a.Before == nil || len(*a.Before) <= maxText)
}

// maxText is how long a text or a cursor may be that names calls: longer ones are
// refused by the resolvers.
const maxText = 2048

// filterOf gives the query of a list's filter, and false where it is an error. Of
// headers, only that there are some and which matters.
func (w *walker) filterOf(f *field) (q upstream.ListQuery, ok bool) {
	m, _ := w.argument(f, "filter").(map[string]any)
	var ok2 bool
	q.UserID, ok = key(m["userId"])
	q.SenderID, ok2 = key(m["senderId"])
	text := func(name string) string {
		s, _ := m[name].(string)
		ok = ok && len(s) <= maxText
		return s
	}
	q.Sender, q.Recipient, q.Local, q.Domain = text("sender"), text("recipient"), text("localPart"), text("domain")
	q.BounceCategory, q.BlockedReason = text("category"), text("reason")
	q.Delivered, _ = m["deliveredOnly"].(bool)
	if t := m["type"]; t != nil {
		var err error
		q.BounceType, err = model.UnmarshalBounceType(t)
		ok = ok && err == nil
	}
	headers := elements(m["xHeaders"])
	if len(headers) > upstream.MaxXHeaders {
		return q, false
	}
	for _, h := range headers {
		h, _ := h.(map[string]any)
		name, _ := h["name"].(string)
		value, _ := h["value"].(string)
		ok = ok && len(name) <= maxText && len(value) <= maxText
		q.XHeaders = append(q.XHeaders, upstream.Header{Name: name, Value: value})
	}
	return q, ok && ok2
}
